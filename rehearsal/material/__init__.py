"""Material of the scenarios: data sets, flawed versions, specs with short bakes."""
