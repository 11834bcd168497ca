"""Downloads the files behind the addresses of attachments into one folder, and keeps a lock of them.

hosts        which hosts may be asked, and which get the headers
resolver     checks the addresses of a host's name before a connection
file_names   the name of a file on the disk
answers      what an answer means: the file, an error, or a reason to try again
outcome      what one attempt gave
body         decompresses an answer
retry        when to try again
part_file    the file that is being downloaded
web          one download over http or https
stores       one download from S3, Google Cloud Storage, Azure or SFTP
fetcher      all downloads, some at the same time
"""

from importer.fetch.fetcher import FetchedAll, FetchJob, Target, fetch_all
from importer.fetch.hosts import HostRules

__all__ = ["FetchJob", "FetchedAll", "HostRules", "Target", "fetch_all"]
