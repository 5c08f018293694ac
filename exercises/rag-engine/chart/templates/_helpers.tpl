{{/* The stem of all names. Short enough that -api-hpa and the like fit behind it. */}}
{{- define "rag-engine.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The name of the API's Deployment and Service, and the value of its Pods' label `app`, which every selector names. */}}
{{- define "rag-engine.api" -}}
{{ include "rag-engine.fullname" . }}-api
{{- end }}

{{/* The labels of every object; never in a selector, for they change with the chart's version. */}}
{{- define "rag-engine.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "rag-engine.serviceAccountName" -}}
{{- default (ternary (include "rag-engine.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{- define "rag-engine.qdrantHost" -}}
{{- if .Values.qdrant.host }}
{{- .Values.qdrant.host }}
{{- else if .Values.qdrant.enabled }}
{{- printf "%s.%s.svc.cluster.local" .Values.qdrant.name .Release.Namespace }}
{{- else }}
{{- required "qdrant.host is needed where qdrant.enabled is false: where is the Qdrant that the API should use?" .Values.qdrant.host }}
{{- end }}
{{- end }}

{{- define "rag-engine.host" -}}
{{ required "host is needed for ingress and httpRoute: which host should they serve?" .Values.host }}
{{- end }}

{{/* The fewest Pods of the API that are wanted. */}}
{{- define "rag-engine.fewestReplicas" -}}
{{ ternary .Values.autoscaling.minReplicas .Values.replicaCount .Values.autoscaling.enabled }}
{{- end }}

{{/* Rules of a network policy that let Pods resolve names. One item with both selectors: the DNS Pods, in that namespace. */}}
{{- define "rag-engine.toDNS" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
      podSelector:
        matchLabels:
          k8s-app: kube-dns
  ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end }}

{{/* What every Pod of the release is allowed: the restricted Pod Security Standard. */}}
{{- define "rag-engine.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "rag-engine.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
