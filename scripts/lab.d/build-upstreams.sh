# The storage folders of the two upstream registries, filled, so that `up` only starts processes.
# shellcheck shell=bash

build_upstreams() {
  local out=$1 name
  mkdir -p "$out"/{hub,quay,docker}
  make_certificate "$out"
  htpasswd -Bbn "$quay_user" "$quay_password" >"$out/htpasswd"
  write_docker_config "$out/docker/config.json"
  run_upstreams "$out"
  seed hub node "$node_reference"
  seed hub registry "library/registry:$distribution_version"
  seed hub nginx library/nginx:1.22 library/nginx:1.22.1
  seed hub busybox library/busybox:1.36
  seed quay app org/app:1.0
  seed quay extra org/extra:2.0
  stop_upstreams
  for name in node registry nginx busybox app extra; do
    printf '%s %s\n' "$name" "$(jq -r '.manifests[0].digest' "$images/$name/index.json")"
  done >"$out/digests"
}

# seed hub|quay IMAGE REPOSITORY:TAG... : push one layout under several names.
seed() {
  local upstream=$1 name=$2 target
  shift 2
  for target in "$@"; do
    if [ "$upstream" = hub ]; then
      skopeo copy --quiet --all --dest-tls-verify=false "oci:$images/$name" "docker://$hub/$target"
    else
      skopeo copy --quiet --all --dest-cert-dir "$out/certs" --dest-creds "$quay_user:$quay_password" \
        "oci:$images/$name" "docker://$quay/$target"
    fi
  done
}

make_certificate() {
  local out=$1
  mkdir -p "$out/certs"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -keyout "$out/ca.key" -out "$out/certs/ca.crt" -subj "/CN=lab CA"
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -keyout "$out/quay.key" -out "$out/quay.csr" -subj "/CN=quay in the lab"
  openssl x509 -req -in "$out/quay.csr" -CA "$out/certs/ca.crt" -CAkey "$out/ca.key" -CAcreateserial \
    -days 3650 -out "$out/quay.crt" -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1")
}

write_docker_config() {
  local auth
  auth=$(printf '%s' "$quay_user:$quay_password" | base64 -w0)
  jq -n --arg host "$quay" --arg auth "$auth" '{auths: {($host): {auth: $auth}}}' >"$1"
}
