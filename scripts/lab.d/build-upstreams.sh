# The storage folders of the two upstream registries, filled, so that `up` only starts processes.
# shellcheck shell=bash

build_upstreams() {
  local out=$1 empty
  # The same registries, but on free ports and in a folder of their own: the lab may be up.
  local state=$out/run hub quay
  hub=127.0.0.1:$(free_port)
  quay=127.0.0.1:$(free_port)
  empty=$out/empty
  mkdir -p "$state/log" "$empty"
  make_certificate "$out"
  cp -r "$out"/{certs,quay.crt,quay.key} "$empty/"
  htpasswd -Bbn "$quay_user" "$quay_password" | tee "$empty/htpasswd" >"$out/htpasswd"
  trap stop_upstreams EXIT
  run_upstreams "$empty"
  # Docker Hub still serves many images in Docker's own formats, so one of them is.
  seed hub node docker.io "$node_reference"
  seed hub registry docker.io "library/registry:$distribution_version"
  format=v2s2 seed hub nginx docker.io library/nginx:1.22 library/nginx:1.22.1
  seed hub busybox docker.io library/busybox:1.36
  seed quay app quay.io org/app:1.0
  seed quay extra quay.io org/extra:2.0
  stop_upstreams
  mv "$state"/upstreams/{hub,quay} "$out/"
  rm -rf "$state" "$empty"
}

free_port() {
  python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# seed hub|quay IMAGE HOST REPOSITORY:TAG... : push one layout under several names, and note what is
# served: digest, references, and the children of an index.
seed() {
  local upstream=$1 name=$2 host=$3 target digest
  shift 3
  local options=(--quiet --all --digestfile "$out/digest" ${format:+--format "$format"})
  local address=$quay
  if [ "$upstream" = hub ]; then
    address=$hub
    options+=(--dest-tls-verify=false)
  else
    options+=(--dest-cert-dir "$out/certs" --dest-creds "$quay_user:$quay_password")
  fi
  for target in "$@"; do
    skopeo copy "${options[@]}" "oci:$images/$name" "docker://$address/$target"
  done
  digest=$(cat "$out/digest")
  rm "$out/digest"
  jq -c -n --arg name "$name" --arg digest "$digest" --arg host "$host" \
    --slurpfile root "$images/$name/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$images/$name/index.json")" '{
      name: $name, digest: $digest, references: ($ARGS.positional | map("\($host)/\(.)")),
      platforms: ($root[0].manifests // [{platform: {os: "linux", architecture: "amd64"}, digest: $digest}] |
        map({("\(.platform.os)/\(.platform.architecture)"): .digest}) | add)
    }' --args "$@" >>"$out/images.json"
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
  rm "$out/ca.key" "$out/quay.csr"
}
