"""Mistakes that a type checker has to find: one in each line that ends in "mistake"."""

import cove
from cove import S3FileSystem

fs = S3FileSystem(endpoint_url=9000)  # mistake
cove.set_log("debug")  # mistake
cove.S3FileSystme()  # mistake
number: int = fs.cat_file("bucket/x")  # mistake
text: int = cove.__version__  # mistake
names: list[str] = cove.known_implementations()  # mistake
fs.pipe_file()  # mistake
try:
    fs.cat_file("bucket/x")
except cove.PreconditionFailed as error:
    print(error.cod)  # mistake
