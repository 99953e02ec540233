# The two upstream registries: hub stands for docker.io (distribution 3, plain http), quay for
# quay.io (Debian's docker-registry 2.8, TLS and basic auth). Both are real.
# shellcheck shell=bash

# run_upstreams FOLDER : start both on the storage in FOLDER.
run_upstreams() {
  local data=$1
  mkdir -p "$state/log"
  # Registries that serve another folder, of other versions or of a build, make room.
  if [ "$(cat "$state/serving" 2>/dev/null)" != "$data" ]; then stop_upstreams; fi
  echo "$data" >"$state/serving"
  cat >"$state/hub.yml" <<YAML
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: $data/hub}, delete: {enabled: true}}
http: {addr: "$hub"}
YAML
  cat >"$state/quay.yml" <<YAML
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: $data/quay}}
http: {addr: "$quay", tls: {certificate: $data/quay.crt, key: $data/quay.key}}
auth: {htpasswd: {realm: lab, path: $data/htpasswd}}
YAML
  OTEL_TRACES_EXPORTER=none start hub "$bin/registry" serve "$state/hub.yml"
  start quay docker-registry serve "$state/quay.yml"
  wait_until "upstream hub" hub curl -sf -o /dev/null "http://$hub/v2/"
  wait_until "upstream quay" quay curl -sf -o /dev/null --cacert "$data/certs/ca.crt" \
    -u "$quay_user:$quay_password" "https://$quay/v2/"
}

stop_upstreams() {
  stop hub
  stop quay
}
