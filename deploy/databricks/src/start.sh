#!/bin/sh
# Files of an app come without the right to be executed; the port is the platform's.
set -eu
cp ./sfcdc /tmp/sfcdc
chmod 0755 /tmp/sfcdc
mkdir -p /tmp/state/sfcdc
sed "s/@PORT@/${DATABRICKS_APP_PORT:-8000}/; s/@HOST@/${DATABRICKS_HOST#https://}/" ./sfcdc.toml >/tmp/sfcdc.toml
exec /tmp/sfcdc run --config /tmp/sfcdc.toml
