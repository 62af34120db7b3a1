{{/* A quantity of processors in thousandths: 2, "2" or "1500m". */}}
{{- define "mandate.milliCpu" -}}
{{- $text := include "mandate.text" . -}}
{{- if hasSuffix "m" $text -}}{{ trimSuffix "m" $text | int }}{{- else -}}{{ mulf (float64 $text) 1000 | int }}{{- end -}}
{{- end -}}

{{/* Refuses values that cannot work, all at once and in words. What has the wrong form values.schema.json refuses. */}}
{{- define "mandate.validate" -}}
{{- $values := .Values -}}
{{- $problems := list -}}
{{- if not $values.issuerUrl -}}
{{- $problems = append $problems "issuerUrl is not set: say where clients find this installation, such as https://sts.example.com" -}}
{{- else if not (regexMatch "^https?://[^\\s?#/]+(/[^\\s?#]*[^\\s?#/])?$" $values.issuerUrl) -}}
{{- $problems = append $problems "issuerUrl must be an http(s) URL without query, fragment or trailing slash" -}}
{{- end -}}
{{- if and $values.ports.internal (eq (int $values.ports.internal) (int $values.ports.public)) -}}
{{- $problems = append $problems "ports.internal must be another port than ports.public" -}}
{{- end -}}

{{- $given := include "mandate.givenSecrets" (dict "root" . "suffix" "") | fromYaml -}}
{{- if not (hasKey $given "databaseUrl") -}}
{{- $problems = append $problems "secrets.databaseUrl.existingSecret is not set: the image has no embedded database, so name a Secret whose key DATABASE_URL has the URL of a PostgreSQL" -}}
{{- end -}}
{{- if and (not (hasKey $given "keyEncryptionKey")) (not (and $values.vault.enabled $values.vault.seals)) -}}
{{- $problems = append $problems "secrets.keyEncryptionKey.existingSecret is not set: name a Secret whose key KEY_ENCRYPTION_KEY has 32 random bytes (openssl rand -base64 32), or let a key in Vault seal (vault.enabled)" -}}
{{- end -}}
{{- if and (hasKey $given "streamsHmacKey") (not (hasKey $given "redisUrl")) -}}
{{- $problems = append $problems "secrets.streamsHmacKey is given without secrets.redisUrl, where the stream is that it signs" -}}
{{- end -}}
{{- range $member, $name := include "mandate.secretNames" . | fromYaml -}}
{{- $one := index $values.secrets $member -}}
{{- if and $one.value $one.existingSecret -}}
{{- $problems = append $problems (printf "secrets.%s has both existingSecret and value" $member) -}}
{{- end -}}
{{- if and $one.value (not $values.secrets.create) -}}
{{- $problems = append $problems (printf "secrets.%s.value is given, and would be in the values of the release: name a Secret in existingSecret, or say secrets.create=true if that is meant" $member) -}}
{{- end -}}
{{- end -}}
{{- if $values.vault.enabled -}}
{{- if not $values.vault.address -}}
{{- $problems = append $problems "vault.address is not set" -}}
{{- else if not (regexMatch "^https?://[^\\s?#/@]+$" $values.vault.address) -}}
{{- $problems = append $problems "vault.address must be an http(s) URL without path, query or credentials" -}}
{{- end -}}
{{- if not $values.vault.transitKey -}}
{{- $problems = append $problems "vault.transitKey is not set: the name of a key of type aes256-gcm96" -}}
{{- end -}}
{{- if not (or $values.vault.tokenFile (hasKey $given "vaultToken")) -}}
{{- $problems = append $problems "vault.enabled needs a token: secrets.vaultToken.existingSecret, or vault.tokenFile where an agent writes one" -}}
{{- end -}}
{{- end -}}

{{- $limit := dig "limits" "cpu" "" $values.resources -}}
{{- if and (not $values.workers) (not $limit) -}}
{{- $problems = append $problems "workers and resources.limits.cpu are both unset: a pod would start a process for each core of its node" -}}
{{- end -}}
{{- if and $values.workers $limit -}}
{{- if gt (mul (sub (int $values.workers) 1) 1000 | int) (sub (include "mandate.milliCpu" $limit | int) 1 | int) -}}
{{- $problems = append $problems (printf "workers (%v) is more than resources.limits.cpu (%v): processes without a core of their own only wait for each other" (include "mandate.text" $values.workers) $limit) -}}
{{- end -}}
{{- end -}}
{{- $fewest := add (mul (default 1 $values.workers | int) 15) 5 -}}
{{- if and $values.databasePoolSize (lt (int $values.databasePoolSize) (int $fewest)) -}}
{{- $problems = append $problems (printf "databasePoolSize (%v) must be at least %v: 15 connections for each of the workers, and 5 more" (include "mandate.text" $values.databasePoolSize) $fewest) -}}
{{- end -}}
{{- $inFlight := dig "MAX_REQUESTS_IN_FLIGHT" 512 $values.config | int -}}
{{- if and $values.workers (gt (mul (int $values.workers) 4) $inFlight) -}}
{{- $problems = append $problems "workers must be at most a fourth of config.MAX_REQUESTS_IN_FLIGHT" -}}
{{- end -}}

{{- if $values.autoscaling.enabled -}}
{{- if gt (int $values.autoscaling.minReplicas) (int $values.autoscaling.maxReplicas) -}}
{{- $problems = append $problems "autoscaling.minReplicas is more than autoscaling.maxReplicas" -}}
{{- end -}}
{{- if not (dig "requests" "cpu" "" $values.resources) -}}
{{- $problems = append $problems "autoscaling.enabled needs resources.requests.cpu, of which the utilization is a share" -}}
{{- end -}}
{{- end -}}
{{- if $values.podDisruptionBudget.enabled -}}
{{- $min := $values.podDisruptionBudget.minAvailable -}}
{{- $max := $values.podDisruptionBudget.maxUnavailable -}}
{{- $replicas := int (ternary $values.autoscaling.minReplicas $values.replicaCount $values.autoscaling.enabled) -}}
{{- if eq (kindIs "invalid" $min) (kindIs "invalid" $max) -}}
{{- $problems = append $problems "podDisruptionBudget needs one of minAvailable and maxUnavailable, and the other null" -}}
{{- else if or (and (not (kindIs "invalid" $min)) (or (eq (toString $min) "100%") (and (not (kindIs "string" $min)) (ge (int $min) $replicas)))) (has (toString $max) (list "0" "0%")) -}}
{{- $problems = append $problems "podDisruptionBudget would let no pod be evicted: no node could be drained" -}}
{{- end -}}
{{- end -}}

{{- if and $values.service.externalTrafficPolicy (eq $values.service.type "ClusterIP") -}}
{{- $problems = append $problems "service.externalTrafficPolicy needs a service.type of LoadBalancer or NodePort" -}}
{{- end -}}
{{- if and $values.service.loadBalancerSourceRanges (ne $values.service.type "LoadBalancer") -}}
{{- $problems = append $problems "service.loadBalancerSourceRanges needs service.type LoadBalancer" -}}
{{- end -}}
{{- if and (not $values.ports.internal) (or $values.ingress.enabled $values.httpRoute.enabled (ne $values.service.type "ClusterIP")) -}}
{{- $problems = append $problems "ingress, httpRoute and a service.type other than ClusterIP need ports.internal: without it they would publish /internal and /metrics" -}}
{{- end -}}
{{- if and $values.httpRoute.enabled (not $values.httpRoute.parentRefs) -}}
{{- $problems = append $problems "httpRoute.parentRefs is empty: name the Gateway" -}}
{{- end -}}
{{- if and $values.serviceMonitor.enabled $values.networkPolicy.enabled $values.ports.internal (not $values.networkPolicy.internalFrom) -}}
{{- $problems = append $problems "serviceMonitor.enabled needs networkPolicy.internalFrom: name the pods of Prometheus, which could not reach the internal port" -}}
{{- end -}}

{{- $own := include "mandate.env" (dict "root" . "members" list) | fromYamlArray -}}
{{- $names := list -}}
{{- range $own -}}{{- $names = append $names .name -}}{{- end -}}
{{- $secretNames := include "mandate.secretNames" . | fromYaml | values -}}
{{- range $values.extraEnv -}}
{{- if has .name $secretNames -}}
{{- $problems = append $problems (printf "extraEnv has %s, which is a secret: it belongs to secrets, and is mounted as a file" .name) -}}
{{- else if has .name $names -}}
{{- $problems = append $problems (printf "extraEnv has %s, which another value sets" .name) -}}
{{- end -}}
{{- end -}}

{{- if $problems -}}
{{- fail (printf "\n\nThese values cannot work:\n  - %s\n" (join "\n  - " $problems)) -}}
{{- end -}}
{{- end -}}
