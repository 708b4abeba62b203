#!/usr/bin/env bash
# A bank's nightly job: a token, the catalogue, one report, its checksum. It needs bash, curl, openssl,
# gzip, md5sum and sed, and is told by the environment:
#
#   PAYNET_BASE_URL, PAYNET_CLIENT_ID, PAYNET_CLIENT_SECRET, PAYNET_FIID
#   REPORT_DATE   the business day in Malaysia, as 2026-02-15
#   OUT           the folder in which the files are put
set -euo pipefail

say() { printf 'report.sh: %s\n' "$*" >&2; }

# One member of flat JSON. A job that has jq would use it.
# The portal writes & as \u0026, as JSON may.
member() { sed -n "s/\\\\u0026/\&/g; s/.*\"$1\":\"\{0,1\}\([^\",}]*\)\"\{0,1\}.*/\1/p" <<<"$2"; }

token_answer=$(curl --silent --show-error --fail-with-body "$PAYNET_BASE_URL/oauth/token" \
    --data grant_type=client_credentials \
    --data-urlencode "client_id=$PAYNET_CLIENT_ID" \
    --data-urlencode "client_secret=$PAYNET_CLIENT_SECRET")
token=$(member access_token "$token_answer")
[[ -n $token ]] || { say "no token in $token_answer"; exit 1; }

# Each request is signed with its own second.
portal() {
    local path=$1 second signature
    shift
    second=$(date +%s)
    signature=$(printf %s "$second" | openssl dgst -sha256 -hmac "$PAYNET_CLIENT_SECRET" -r | cut -d' ' -f1)
    curl --silent --show-error --fail-with-body "$PAYNET_BASE_URL$path" \
        --header "Authorization: Bearer $token" --header "X-Timestamp: $second" \
        --header "X-Signature: $signature" --header "X-Fiid: $PAYNET_FIID" "$@"
}

portal /v1/reports/types >"$OUT/types.json"

download=$(portal /v1/reports/download --header 'Content-Type: application/json' \
    --data "{\"report_type\":\"SETL01\",\"product\":\"SAN\",\"date\":\"$REPORT_DATE\",\"window\":\"\"}")
url=$(member url "$download")
[[ $url == http* ]] || { say "no URL in $download"; exit 1; }
curl --silent --show-error --fail-with-body --header 'Accept-Encoding: gzip' "$url" >"$OUT/setl01.csv.gz"
gzip --decompress --force "$OUT/setl01.csv.gz"
[[ $(curl --silent --output "$OUT/again.txt" --write-out '%{http_code}' "$url") != 200 ]] ||
    { say 'a one-time URL worked twice'; exit 1; }

# v2 is asked until the report is ready.
query='query($input: ReportParam){Report(input:$input){status url expiry checksum{rows size md5hash}}}'
input="{\"product\":\"MYD\",\"report\":\"I01\",\"date\":\"$REPORT_DATE\",\"fields\":[\"reference_id\",\"transaction_amount\"]}"
for _ in $(seq 50); do
    answer=$(portal /v2/reports/query --header 'Content-Type: application/json' \
        --data "{\"query\":\"$query\",\"variables\":{\"input\":$input}}")
    url=$(member url "$answer")
    if [[ $url == http* ]]; then break; fi
    sleep 0.2
done
[[ $url == http* ]] || { say "never ready: $answer"; exit 1; }
curl --silent --show-error --fail-with-body "$url" >"$OUT/i01.csv"
wanted=$(member md5hash "$answer")
got=$(md5sum <"$OUT/i01.csv" | cut -d' ' -f1)
[[ $got == "$wanted" ]] || { say "MD5 is $got, $wanted was published"; exit 1; }
size=$(member size "$answer")
[[ $(wc -c <"$OUT/i01.csv") -eq $size ]] || { say "the file has not the $size bytes that were published"; exit 1; }
say "reports of $REPORT_DATE are in $OUT"
