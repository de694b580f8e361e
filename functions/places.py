"""Where the doors' queues are. Bindings are read when the app is imported, so these stand here and load nothing behind the doors.

`shared/model/messages.py` has the same words for what we send; a test holds that each message goes where a door listens.
"""

STORAGE = "AzureWebJobsStorage"
REQUESTS = "cluster-requests"
STEPS = "operation-steps"
