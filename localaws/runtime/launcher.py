"""Ties the process's life to the server's, makes its private mounts, then executes the wanted program.

Run by path with ``python -I -S`` so that it costs little; imports nothing of ours. Its one argument is JSON:
``{"parent": pid, "report": fd, "mounts": {target: directory}, "foreign": [variable not to pass on], "argv": [...]}``.
A problem is written to ``report``; the successful exec closes it.
"""

import ctypes
import json
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
CLONE_NEWNS, CLONE_NEWUSER = 0x0002_0000, 0x1000_0000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
CDLL = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Launch what the argument asks for."""
    order = json.loads(sys.argv[1])
    report = order["report"]
    os.set_inheritable(report, False)
    try:
        if order["mounts"]:
            enter_private_mounts(order["mounts"])
        # Last, because entering a user namespace clears it.
        succeed(CDLL.prctl(PR_SET_PDEATHSIG, signal.SIGKILL), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != order["parent"]:
            sys.exit("the server was gone before its child started")
        for name in order["foreign"]:
            os.environ.pop(name, None)
        os.execvpe(order["argv"][0], order["argv"], os.environ)  # noqa: S606 (the very purpose)
    except OSError as error:
        os.write(report, str(error).encode())
        sys.exit(127)


def succeed(result: int, what: str) -> None:
    """Raise OSError naming the call when the C library says it failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str, flags: int) -> None:
    """mount(2)."""
    succeed(
        CDLL.mount(source.encode(), target.encode(), kind.encode(), flags, None),
        f"mount {source} on {target}",
    )


def enter_private_mounts(mounts: dict[str, str]) -> None:
    """Enter a mount namespace of our own and bind each directory on its target there."""
    where = os.getcwd()
    enter_namespace()
    mount("none", "/", "none", MS_REC | MS_PRIVATE)  # nothing done here reaches the host
    for target in sorted(mounts):
        source = os.open(mounts[target], os.O_PATH | os.O_DIRECTORY)  # outlives being shadowed by another mount
        if not os.path.isdir(target):
            make_mount_point(target)
        mount(f"/proc/self/fd/{source}", target, "none", MS_BIND | MS_REC)
        os.close(source)
    os.chdir(where)


def enter_namespace() -> None:
    """A mount namespace; who lacks the right to it gets a user namespace around it, in which he has it."""
    if CDLL.unshare(CLONE_NEWNS) == 0:
        return
    user, group = os.geteuid(), os.getegid()
    if CDLL.unshare(CLONE_NEWNS | CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(
            number,
            f"this host forbids the private mounts that SageMaker containers need ({os.strerror(number)});"
            " run as root, or allow user namespaces"
            " (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)",
        )
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{user} {user} 1")
    write("/proc/self/gid_map", f"{group} {group} 1")


def write(path: str, text: str) -> None:
    """Write a file of /proc."""
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def make_mount_point(target: str) -> None:
    """Make ``target`` exist in this namespace only: a tmpfs over its nearest existing ancestor, contents kept."""
    ancestor = os.path.dirname(target)
    while not os.path.isdir(ancestor):
        ancestor = os.path.dirname(ancestor)
    if ancestor == "/":
        raise OSError(f"cannot make {target} without touching the host: create /{target.split('/')[1]} first")
    original = os.open(ancestor, os.O_PATH | os.O_DIRECTORY)
    mount("tmpfs", ancestor, "tmpfs", 0)
    for entry in os.scandir(f"/proc/self/fd/{original}"):
        keep(entry, f"/proc/self/fd/{original}/{entry.name}", f"{ancestor}/{entry.name}")
    os.close(original)
    os.makedirs(target)


def keep(entry: "os.DirEntry[str]", source: str, target: str) -> None:
    """Show one entry of a shadowed directory again."""
    if entry.is_symlink():
        os.symlink(os.readlink(source), target)
        return
    if entry.is_dir():
        os.mkdir(target)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
    mount(source, target, "none", MS_BIND | MS_REC)


if __name__ == "__main__":
    main()
