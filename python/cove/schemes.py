"""The schemes that this package serves."""

# The class for URLs of each scheme; pyproject.toml registers the same with fsspec.
FILESYSTEMS = {
    "s3": "cove.s3:S3FileSystem",
    "s3a": "cove.s3:S3FileSystem",
    "S3": "cove.s3:S3FileSystem",  # schemes are case-insensitive, but fsspec's table is not
    "S3A": "cove.s3:S3FileSystem",
    "gs": "cove.gcs:GCSFileSystem",
    "gcs": "cove.gcs:GCSFileSystem",
    "GS": "cove.gcs:GCSFileSystem",
    "GCS": "cove.gcs:GCSFileSystem",
    "az": "cove.azure:AzureBlobFileSystem",
    "abfs": "cove.azure:AzureBlobFileSystem",
    "abfss": "cove.azure:AzureBlobFileSystem",
    "adl": "cove.azure:AzureBlobFileSystem",
    "AZ": "cove.azure:AzureBlobFileSystem",
    "ABFS": "cove.azure:AzureBlobFileSystem",
    "ABFSS": "cove.azure:AzureBlobFileSystem",
    "ADL": "cove.azure:AzureBlobFileSystem",
    "hdfs": "cove.hadoop:HadoopFileSystem",
    "HDFS": "cove.hadoop:HadoopFileSystem",
    "viewfs": "cove.hadoop:ViewFileSystem",
    "VIEWFS": "cove.hadoop:ViewFileSystem",
    "webhdfs": "cove.hadoop:WebHDFSFileSystem",
    "swebhdfs": "cove.hadoop:SecureWebHDFSFileSystem",
    "webHDFS": "cove.hadoop:WebHDFSFileSystem",  # which fsspec's class has among its protocols
    "WEBHDFS": "cove.hadoop:WebHDFSFileSystem",
    "SWEBHDFS": "cove.hadoop:SecureWebHDFSFileSystem",
}
