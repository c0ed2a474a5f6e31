"""The figures that are watched: what inspections brought, whether checks drift, how good the data is."""
