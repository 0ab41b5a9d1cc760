"""A mock directory bucket of S3 Express One Zone, for the contract suite: the mock store as proxy of plain http, so that hosts are Amazon's."""

import sys

import env

sys.path.insert(0, str(env.ROOT / "tests" / "mock"))

from server import MockServer


class DirectoryBucket:
    """with DirectoryBucket() as bucket: bucket.name, bucket.environ"""

    def __init__(self, page=1000):
        self.name = "contract--usw2-az1--x-s3"
        self.mock = MockServer(buckets=[self.name], ways={"page": page})

    def __enter__(self):
        self.mock.__enter__()
        # An endpoint of Amazon's without TLS, at which directory buckets are what they are.
        self.environ = {
            "AWS_ACCESS_KEY_ID": "contract",
            "AWS_SECRET_ACCESS_KEY": "contract-secret-3d9a11",
            "AWS_REGION": "us-west-2",
            "AWS_ENDPOINT_URL": "http://s3.us-west-2.amazonaws.com",
            "http_proxy": self.mock.endpoint,
        }
        return self

    def __exit__(self, *_):
        self.mock.__exit__(*_)

    @property
    def troubles(self):
        return self.mock.troubles
