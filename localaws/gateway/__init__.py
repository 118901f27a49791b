"""The HTTP front: protocols, authorisation, faults and the record of calls."""
