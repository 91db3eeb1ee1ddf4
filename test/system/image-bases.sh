#!/usr/bin/env bash
# image-bases.sh <docker|podman|buildah> <base of the build> <base of the image>: stand-ins under the names of the two
# bases, out of Debian's and npm's packages, for machines that can pull neither. Needs root and debootstrap.
# npm's settings and NODE_EXTRA_CA_CERTS go into the base of the build, which leaves nothing of its own in the image.
set -euo pipefail
engine=$1 build_base=$2 base=$3
version=${build_base##*:} # 24-slim
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
slim=$work/slim bare=$work/bare
npm install --silent --no-save --prefix "$work" "node@${version%%-*}" npm@11
node=$work/node_modules/node/bin/node

debootstrap --variant=minbase bookworm "$slim" >"$work/log" || { tail "$work/log" >&2 && exit 1; }
rm -rf "${slim:?}"/dev/* "$slim"/var/cache/apt/archives/*.deb
install "$node" "$slim/usr/local/bin/node"
mkdir -p "$slim/usr/local/lib/node_modules"
cp -R "$work/node_modules/npm" "$slim/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$slim/usr/local/bin/npm"
{ cat ~/.npmrc 2>/dev/null || true; printf '\nregistry=%s\n' "$(npm config get registry)"; } >"$slim/root/.npmrc"
cat "${NODE_EXTRA_CA_CERTS:-/dev/null}" >"$slim/usr/local/share/ca.pem"

mkdir -p "$bare/nodejs/bin" "$bare/etc"
install "$node" "$bare/nodejs/bin/node"
ldd "$node" | grep -o '/[^ ]*' | xargs -I{} cp -L --parents {} "$bare"
install -d -m 1777 "$bare/tmp"
install -d -o 65532 -g 65532 "$bare/home/nonroot"
printf '%s\n' root:x:0:0::/root:/sbin/nologin nonroot:x:65532:65532::/home/nonroot:/sbin/nologin >"$bare/etc/passwd"
printf '%s\n' root:x:0: nonroot:x:65532: >"$bare/etc/group"

make() { # make <name> <root>, with the rest of its Dockerfile on stdin
  mkdir "$2.context"
  tar -C "$2" -cf "$2.context/root.tar" .
  { printf 'FROM scratch\nADD root.tar /\n' && cat; } >"$2.context/Dockerfile"
  "$engine" build --tag "$1" "$2.context" >/dev/null
}
make "$build_base" "$slim" <<<'ENV PATH=/usr/local/bin:/usr/bin:/usr/sbin NODE_EXTRA_CA_CERTS=/usr/local/share/ca.pem'
make "$base" "$bare" <<'END'
ENV PATH=/nodejs/bin
USER 65532
WORKDIR /home/nonroot
ENTRYPOINT ["/nodejs/bin/node"]
END
