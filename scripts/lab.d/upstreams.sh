# The two upstream registries: hub stands for docker.io (distribution 3, plain http), quay for
# quay.io (Debian's docker-registry 2.8, TLS and basic auth). Both are real.
# shellcheck shell=bash

# run_upstreams PART : start both on a copy of the storage in PART.
run_upstreams() {
  local data=$1
  copy_storage "$data"
  cat >"$state/hub.yml" <<YAML
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: $state/upstreams/hub}, delete: {enabled: true}}
http: {addr: "$hub"}
YAML
  cat >"$state/quay.yml" <<YAML
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: $state/upstreams/quay}}
http: {addr: "$quay", tls: {certificate: $data/quay.crt, key: $data/quay.key}}
auth: {htpasswd: {realm: lab, path: $data/htpasswd}}
YAML
  write_docker_config
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

# A test may push, tag and delete as it likes: it never touches the cache. Blobs do not change
# once they are written, so they are hard links where the file system allows that. Registries that
# serve a copy of another part make room.
copy_storage() {
  local name from to
  if [ "$(cat "$state/serving" 2>/dev/null)" != "$1" ]; then
    stop_upstreams
    rm -rf "$state/upstreams"
    echo "$1" >"$state/serving"
  fi
  for name in hub quay; do
    from=$1/$name to=$state/upstreams/$name
    [ ! -d "$to" ] || continue
    rm -rf "$to.new"
    mkdir -p "$to.new"
    if [ -d "$from/docker" ]; then
      mkdir -p "$to.new/docker/registry/v2"
      cp -a "$from/docker/registry/v2/repositories" "$to.new/docker/registry/v2/"
      cp -al "$from/docker/registry/v2/blobs" "$to.new/docker/registry/v2/" 2>/dev/null ||
        cp -a "$from/docker/registry/v2/blobs" "$to.new/docker/registry/v2/"
    fi
    mv "$to.new" "$to"
  done
}

# What `docker login` would have written.
write_docker_config() {
  local auth
  auth=$(printf '%s' "$quay_user:$quay_password" | base64 -w0)
  mkdir -p "$state/docker-config"
  jq -n --arg host "$quay" --arg twin "localhost:${quay##*:}" --arg auth "$auth" \
    '{auths: {($host): {auth: $auth}, ($twin): {auth: $auth}}}' >"$state/docker-config/config.json"
}
