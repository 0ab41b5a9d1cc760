"""The mock's account with a hierarchical namespace, as the cases of test_azure_dfs*.py use it."""

import azure
import azure_dfs
from probe_run import probe
from server import MockServer

CLOSED = {"close": True, "do_it": True}  # done, but the response is lost
MIB = 1 << 20


class Account:
    """with Account({path: bytes}, faults, ways) as account: account.call(verb, url, …), account.server"""

    def __init__(self, objects=None, faults=(), **ways):
        self.server = MockServer(objects or {}, faults, ["b"], ways, azure_dfs.Store)

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, *error):
        self.server.__exit__(*error)
        assert error[0] is not None or self.server.troubles == []

    def call(self, *verb, dfs=True, **options):
        more = {"dfs_endpoint": f"{self.server.endpoint}/dfs/{azure.ACCOUNT}"} if dfs else {}
        return probe(*verb, options={"endpoint_url": self.server.endpoint, **azure.OPTIONS, **more, **options})

    @property
    def files(self):
        return {path: data for path, (data, _, _) in self.server.store.objects.items()}

    @property
    def folders(self):
        return sorted("/".join(at) for at in self.server.store.folders)

    def count(self, operation):
        return self.server.count(operation)
