"""What each HTTP door promises: what it takes, what it answers, and by which codes it refuses. Must not promise more than the doors do.

A door that is registered and not written down here, and one that is written down and not registered, make a test fail.
"""

from functions.openapi.promises.acting import ACTING
from functions.openapi.promises.app import APP
from functions.openapi.promises.clusters import CLUSTERS
from functions.openapi.promises.letters import LETTERS
from functions.openapi.promises.operations import OPERATIONS

ROUTES = (*OPERATIONS, *CLUSTERS, *LETTERS, *ACTING, *APP)
