# What a deployment consists of, one target a step; .github/workflows/release.yml calls them in order.
# ENVIRONMENT is dev or prod; IMAGE an image that docker knows, or for the deployments one by its digest.

DOCKERFILE ?= Dockerfile.lambda
IMAGE ?= candidate
# The host on EC2, and the user and the folder of the checkout there.
EC2_USER ?= ubuntu
EC2_FOLDER ?= /opt/taxi
SSH := ssh -i ~/.ssh/id_deploy -o IdentitiesOnly=yes -o BatchMode=yes $(EC2_USER)@$(HOST)
LOAD_SECONDS ?= 60
LOAD_CLIENTS ?= 20
# The address to try: as given, or what the environment's stack says.
TRIED = $(or $(URL),$(shell $(VENV)/deploy/bin/python -m deploy url --env $(ENVIRONMENT)))

.PHONY: image push deploy-lambda rollback-lambda deploy-ec2 rollback-ec2 smoke load-test

# One platform and no attestation beside it: Lambda refuses a list of manifests.
image:
	docker build --provenance=false --file $(DOCKERFILE) --tag $(IMAGE) .

push: $(VENV)/deploy/.installed
	@$(VENV)/deploy/bin/python -m deploy push --env $(ENVIRONMENT) --image $(IMAGE)

deploy-lambda: $(VENV)/deploy/.installed
	$(VENV)/deploy/bin/python -m deploy up --env $(ENVIRONMENT) --image $(IMAGE)

rollback-lambda: $(VENV)/deploy/.installed
	$(VENV)/deploy/bin/python -m deploy rollback --env $(ENVIRONMENT)

deploy-ec2:
	$(SSH) "$(EC2_FOLDER)/deploy/update-ec2.sh '$(IMAGE)'"

rollback-ec2:
	$(SSH) "$(EC2_FOLDER)/deploy/update-ec2.sh --back"

smoke: $(VENV)/deploy/.installed
	$(VENV)/deploy/bin/python -m deploy smoke --url $(TRIED)

load-test: $(VENV)/deploy/.installed $(VENV)/load/.installed
	$(VENV)/load/bin/locust --locustfile benchmarks/load/locustfile.py --host $(TRIED) --headless --only-summary \
		--users $(LOAD_CLIENTS) --spawn-rate 5 --run-time $(LOAD_SECONDS)s --html load-test.html

$(VENV)/deploy/.installed: deploy/requirements.txt
$(VENV)/load/.installed: benchmarks/load/requirements.txt
$(VENV)/lint/.installed: deploy/lint/requirements.txt
$(VENV)/sam/.installed: deploy/sam/requirements.txt
$(VENV)/deploy/.installed $(VENV)/load/.installed $(VENV)/lint/.installed $(VENV)/sam/.installed: | $(BIN)/python
	$(BIN)/python -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
