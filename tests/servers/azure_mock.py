"""The project's mock of Azure Blob Storage, for the contract suite."""

import sys

import env

sys.path.insert(0, str(env.ROOT / "tests" / "mock"))

import azure
import azure_dfs
from server import MockServer


class AzureMock:
    """with AzureMock() as server: server.environ; `hierarchical`: the account has a hierarchical namespace"""

    def __init__(self, containers=("contract",), ways=None, hierarchical=False):
        self.hierarchical = hierarchical
        self.mock = MockServer(buckets=containers, ways=ways, kind=azure_dfs.Store if hierarchical else azure.Store)

    def __enter__(self):
        self.mock.__enter__()
        text = f"AccountName={azure.ACCOUNT};AccountKey={azure.KEY};BlobEndpoint={self.mock.endpoint}/{azure.ACCOUNT};"
        self.environ = {"AZURE_STORAGE_CONNECTION_STRING": text, "COVE_CONTRACT_SERVER": "mock"}
        if self.hierarchical:
            self.environ["COVE_CONTRACT_SERVER"] = "mock-dfs"
            self.environ["AZURE_STORAGE_DFS_ENDPOINT"] = f"{self.mock.endpoint}/dfs/{azure.ACCOUNT}"
        return self

    def __exit__(self, *_):
        self.mock.__exit__(*_)

    @property
    def troubles(self):
        return self.mock.troubles
