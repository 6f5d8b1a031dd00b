"""Uploads a file with tuspy (https://github.com/tus/tus-py-client) as it comes from PyPI; prints the upload's address.

upload_tuspy.py ENDPOINT FILE CHUNK, with the session's cookie and form token in UPLOAD_COOKIE and UPLOAD_TOKEN.
"""

import os
import sys

from tusclient import client

endpoint, file, chunk = sys.argv[1:]
headers = {"Cookie": os.environ["UPLOAD_COOKIE"], "X-CSRF-Token": os.environ["UPLOAD_TOKEN"]}
tus = client.TusClient(endpoint, headers=headers)
uploader = tus.uploader(file, chunk_size=int(chunk), metadata={"filename": "bid.sealed"}, retries=20, retry_delay=0.2)
uploader.upload()
print(uploader.url)
