#!/usr/bin/env bash
# deployed-bundle.sh OWNER/REPOSITORY ENVIRONMENT FOLDER
# Puts the model bundle of the commit that was last deployed to an environment into a folder, by GitHub's own record of
# deployments; makes no folder if there has been none. Needs gh with a token, and the whole history checked out.
set -euo pipefail
repository=${1:?} environment=${2:?} folder=${3:?}

ids=$(gh api "repos/$repository/deployments?environment=$environment&per_page=30" --jq '.[] | "\(.id) \(.sha)"')
while read -r id sha; do
    [ -n "$id" ] || continue
    state=$(gh api "repos/$repository/deployments/$id/statuses?per_page=1" --jq '.[0].state // ""')
    if { [ "$state" = success ] || [ "$state" = inactive ]; } && git cat-file -e "$sha:taxi_api/model/default" 2>/dev/null; then
        mkdir -p "$folder"
        git archive "$sha:taxi_api/model/default" | tar -x -C "$folder"
        echo "deployed to $environment: $sha"
        exit 0
    fi
done <<< "$ids"
echo "nothing has been deployed to $environment yet; there is nothing to compare with"
