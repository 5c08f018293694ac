package kubelet

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

// Objects is what a kubelet reads of a namespace. A nil object is one that is not there.
type Objects interface {
	Secret(namespace, name string) *corev1.Secret
	ConfigMap(namespace, name string) *corev1.ConfigMap
	Claim(namespace, name string) *corev1.PersistentVolumeClaim
	HasServiceAccount(namespace, name string) bool
}

// environment resolves a container's variables as the kubelet does: envFrom first, later entries win, env over envFrom, and $(NAME) in values
// refers to what is defined before it. The error is the kubelet's own message.
func environment(pod *corev1.Pod, container *corev1.Container, objects Objects, addresses podAddresses) (map[string]string, error) {
	env := map[string]string{"HOSTNAME": pod.Name, "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, from := range container.EnvFrom {
		if err := addFrom(env, pod.Namespace, from, objects); err != nil {
			return nil, err
		}
	}
	own := map[string]string{}
	mapping := expansion.MappingFuncFor(own, env)
	for _, variable := range container.Env {
		value := expansion.Expand(variable.Value, mapping)
		if variable.ValueFrom != nil {
			found, ok, err := valueFrom(pod, container, variable.ValueFrom, objects, addresses)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			value = found
		}
		own[variable.Name] = value
	}
	maps.Copy(env, own)
	return env, nil
}

func addFrom(env map[string]string, namespace string, from corev1.EnvFromSource, objects Objects) error {
	switch {
	case from.ConfigMapRef != nil:
		found := objects.ConfigMap(namespace, from.ConfigMapRef.Name)
		if found == nil {
			if isTrue(from.ConfigMapRef.Optional) {
				return nil
			}
			return notFound("configmap", from.ConfigMapRef.Name)
		}
		for key, value := range found.Data {
			env[from.Prefix+key] = value
		}
	case from.SecretRef != nil:
		found := objects.Secret(namespace, from.SecretRef.Name)
		if found == nil {
			if isTrue(from.SecretRef.Optional) {
				return nil
			}
			return notFound("secret", from.SecretRef.Name)
		}
		for key, value := range found.Data {
			env[from.Prefix+key] = string(value)
		}
	}
	return nil
}

func valueFrom(
	pod *corev1.Pod, container *corev1.Container, source *corev1.EnvVarSource, objects Objects, addresses podAddresses,
) (string, bool, error) {
	switch {
	case source.ConfigMapKeyRef != nil:
		ref := source.ConfigMapKeyRef
		found := objects.ConfigMap(pod.Namespace, ref.Name)
		if found == nil {
			return missing(ref.Optional, notFound("configmap", ref.Name))
		}
		value, ok := found.Data[ref.Key]
		if !ok {
			return missing(ref.Optional, fmt.Errorf("couldn't find key %s in ConfigMap %s/%s", ref.Key, pod.Namespace, ref.Name))
		}
		return value, true, nil
	case source.SecretKeyRef != nil:
		ref := source.SecretKeyRef
		found := objects.Secret(pod.Namespace, ref.Name)
		if found == nil {
			return missing(ref.Optional, notFound("secret", ref.Name))
		}
		value, ok := found.Data[ref.Key]
		if !ok {
			return missing(ref.Optional, fmt.Errorf("couldn't find key %s in Secret %s/%s", ref.Key, pod.Namespace, ref.Name))
		}
		return string(value), true, nil
	case source.FieldRef != nil:
		return field(pod, source.FieldRef.FieldPath, addresses), true, nil
	case source.ResourceFieldRef != nil:
		return resourceField(container, source.ResourceFieldRef), true, nil
	}
	return "", false, nil
}

func missing(optional *bool, err error) (string, bool, error) {
	if isTrue(optional) {
		return "", false, nil
	}
	return "", false, err
}

func notFound(kind, name string) error { return fmt.Errorf("%s %q not found", kind, name) }

func isTrue(value *bool) bool { return value != nil && *value }

func field(pod *corev1.Pod, fieldPath string, addresses podAddresses) string {
	switch fieldPath {
	case "metadata.name":
		return pod.Name
	case "metadata.namespace":
		return pod.Namespace
	case "metadata.uid":
		return string(pod.UID)
	case "spec.nodeName":
		return pod.Spec.NodeName
	case "spec.serviceAccountName":
		return pod.Spec.ServiceAccountName
	case "status.podIP", "status.podIPs":
		return addresses.pod
	case "status.hostIP", "status.hostIPs":
		return addresses.host
	}
	for prefix, values := range map[string]map[string]string{"metadata.labels['": pod.Labels, "metadata.annotations['": pod.Annotations} {
		if key, ok := strings.CutPrefix(fieldPath, prefix); ok {
			return values[strings.TrimSuffix(key, "']")]
		}
	}
	return ""
}

func resourceField(container *corev1.Container, ref *corev1.ResourceFieldSelector) string {
	kind, name, _ := strings.Cut(ref.Resource, ".")
	list := container.Resources.Limits
	if kind == "requests" {
		list = container.Resources.Requests
	}
	quantity := list[corev1.ResourceName(name)]
	divisor := ref.Divisor.MilliValue()
	if divisor <= 0 {
		divisor = 1000
	}
	return strconv.FormatInt((quantity.MilliValue()+divisor-1)/divisor, 10)
}

// files are the ConfigMaps and Secrets that a container has mounted, by path.
func files(pod *corev1.Pod, container *corev1.Container, objects Objects) map[string]string {
	all := map[string]string{}
	for _, mount := range container.VolumeMounts {
		index := slices.IndexFunc(pod.Spec.Volumes, func(volume corev1.Volume) bool { return volume.Name == mount.Name })
		if index < 0 {
			continue
		}
		for name, content := range contents(pod.Namespace, pod.Spec.Volumes[index], objects) {
			if mount.SubPath == "" {
				all[path.Join(mount.MountPath, name)] = content
			} else if name == mount.SubPath {
				all[path.Clean(mount.MountPath)] = content
			}
		}
	}
	return all
}

func contents(namespace string, volume corev1.Volume, objects Objects) map[string]string {
	data := map[string]string{}
	var items []corev1.KeyToPath
	switch {
	case volume.ConfigMap != nil:
		if found := objects.ConfigMap(namespace, volume.ConfigMap.Name); found != nil {
			maps.Copy(data, found.Data)
		}
		items = volume.ConfigMap.Items
	case volume.Secret != nil:
		if found := objects.Secret(namespace, volume.Secret.SecretName); found != nil {
			for key, value := range found.Data {
				data[key] = string(value)
			}
		}
		items = volume.Secret.Items
	}
	if len(items) == 0 {
		return data
	}
	chosen := map[string]string{}
	for _, item := range items {
		if value, ok := data[item.Key]; ok {
			chosen[item.Path] = value
		}
	}
	return chosen
}
