#!/bin/sh
# A whole run: trains a digit classifier for five epochs, stops, and resumes from its checkpoint up to ten.
#
#   [ROOT=URL] [CKPT=URL] tools/demo.sh [ROOT [CKPT]]
#
# ROOT is the folder or URL of logs and weights, by default runs/ of this tree. CKPT is the checkpoint to resume from, by default
# classifier.ckpt below ROOT.
set -eu
. "$(dirname -- "$0")/lib.sh"

cd "$COVE_ROOT"
root=${1:-${ROOT:-runs/}}
ckpt=${2:-${CKPT:-${root%/}/classifier.ckpt}}
cove=build/cli/cove
digits=build/examples/digits/digits

[ -x "$digits" ] || die "build/examples/digits is not built (is OpenBLAS there?): run make build"

# has_credentials: whether any of the usual places has some. It does not check them.
has_credentials() {
    [ -n "${AWS_ACCESS_KEY_ID:-}${AWS_PROFILE:-}${AWS_WEB_IDENTITY_TOKEN_FILE:-}" ] ||
        [ -n "${AWS_CONTAINER_CREDENTIALS_RELATIVE_URI:-}${AWS_CONTAINER_CREDENTIALS_FULL_URI:-}" ] ||
        [ -f "${AWS_SHARED_CREDENTIALS_FILE:-$HOME/.aws/credentials}" ] || [ -f "${AWS_CONFIG_FILE:-$HOME/.aws/config}" ]
}

case $root in
s3://* | s3a://*)
    if ! has_credentials; then
        die "ROOT is $root, but no credentials for S3 are configured. Set

    AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY   (or AWS_PROFILE, or ~/.aws/credentials)
    AWS_ENDPOINT_URL=http://HOST:PORT             for a store other than Amazon's
    AWS_REGION                                    where the bucket is, if the store asks

or run make demo-s3, which starts a MinIO."
    fi
    ;;
esac

say "training five epochs; logs and weights go below $root"
"$digits" --root "$root" --max-epochs 5 --save "$ckpt"
say "stopped. What the checkpoint $ckpt holds:"
"$cove" ckpt show "$ckpt" | head -n 24
say "resuming from it, up to ten epochs"
"$digits" --root "$root" --ckpt "$ckpt" --max-epochs 10

say "done. Logs and weights of both runs:"
"$cove" find "${root%/}/lightning_logs"

prefix=
if [ -n "${COVE_SERVER_COMMAND:-}" ]; then
    prefix="$COVE_SERVER_COMMAND -- "
    say "the server stops now and its data stays; the commands below start it again for themselves"
fi
cat <<END

Try next:
    $prefix$cove ls -l ${root%/}/lightning_logs
    $prefix$cove ckpt show $ckpt
    $prefix$cove logs show ${root%/}/lightning_logs
END
case $root in
*://*)
    cat <<END
    $prefix$cove cp -r ${root%/}/lightning_logs runs/logs
    tensorboard --logdir runs/logs              (pip install tensorboard; make test has it in $COVE_VENV/bin)
END
    ;;
*)
    cat <<END
    tensorboard --logdir ${root%/}/lightning_logs      (pip install tensorboard; make test has it in $COVE_VENV/bin)
END
    ;;
esac
