#!/bin/sh
# Writes docker/.env, which docker/compose.yaml reads, with secrets that are drawn here; never over one that is there:
# what is in the database is sealed with its key.
set -eu
file="$(dirname "$0")/.env"
if [ -e "$file" ]; then
  echo "$file is there already, and stays as it is"
  exit 0
fi
earlier="$(dirname "$0")/../.env"
if grep -q '^POSTGRES_PASSWORD=' "$earlier" 2>/dev/null; then
  echo "$earlier was made for Compose by an earlier version, and its database is sealed with the key in it: mv .env docker/.env" >&2
  exit 1
fi
if ! command -v openssl >/dev/null; then
  echo "openssl is needed to draw secrets: install it" >&2
  exit 1
fi
umask 077
key="$(openssl rand -base64 32)"
token="$(openssl rand -hex 24)"
password="$(openssl rand -hex 24)"
# Moved when it is whole: half a file would stay.
printf 'KEY_ENCRYPTION_KEY=%s\nADMIN_TOKEN=%s\nPOSTGRES_PASSWORD=%s\n' "$key" "$token" "$password" > "$file.new"
mv "$file.new" "$file"
echo "$file is written: keep it, nothing in the database can be read without it"
