"""What we put into queues: where wake-ups go, in whose storage, and the schema of what this code writes."""

STORAGE = "AzureWebJobsStorage"
"""The setting (and so the binding's `connection`) of the app's own storage account, which is the host's too."""

STEPS = "operation-steps"
SCHEMA = 1
