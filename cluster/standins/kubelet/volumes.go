package kubelet

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// problem is why a volume cannot be mounted, in the words of the event.
type problem struct{ volume, message string }

// unmountable lists what keeps a Pod's volumes from being mounted: a kubelet starts no container before all of them are there.
func unmountable(pod *corev1.Pod, objects Objects) []problem {
	var problems []problem
	for _, volume := range pod.Spec.Volumes {
		if claim := claimOf(pod, volume); claim != "" {
			if err := claimProblem(pod, claim, objects); err != nil {
				problems = append(problems, problem{volume.Name, fmt.Sprintf(
					"Unable to attach or mount volumes: unmounted volumes=[%s], unattached volumes=[], failed to process volumes=[%s]: error processing PVC %s/%s: %v",
					volume.Name, volume.Name, pod.Namespace, claim, err)})
			}
			continue
		}
		if err := mountProblem(pod, volume, objects); err != nil {
			problems = append(problems, problem{volume.Name, fmt.Sprintf("MountVolume.SetUp failed for volume %q : %v", volume.Name, err)})
		}
	}
	return problems
}

// claimOf is the name of the claim behind a volume; a generic ephemeral volume's is made from the Pod's and its own.
func claimOf(pod *corev1.Pod, volume corev1.Volume) string {
	switch {
	case volume.PersistentVolumeClaim != nil:
		return volume.PersistentVolumeClaim.ClaimName
	case volume.Ephemeral != nil:
		return pod.Name + "-" + volume.Name
	}
	return ""
}

func claimProblem(pod *corev1.Pod, name string, objects Objects) error {
	claim := objects.Claim(pod.Namespace, name)
	switch {
	case claim == nil:
		return fmt.Errorf("failed to fetch PVC from API server: persistentvolumeclaims %q not found", name)
	case claim.DeletionTimestamp != nil:
		return fmt.Errorf("PVC is being deleted")
	case claim.Status.Phase != corev1.ClaimBound || claim.Spec.VolumeName == "":
		return fmt.Errorf("PVC is not bound")
	}
	return nil
}

func mountProblem(pod *corev1.Pod, volume corev1.Volume, objects Objects) error {
	switch {
	case volume.Secret != nil:
		return secretProblem(pod.Namespace, volume.Secret.SecretName, volume.Secret.Items, isTrue(volume.Secret.Optional), objects)
	case volume.ConfigMap != nil:
		return configMapProblem(pod.Namespace, volume.ConfigMap.Name, volume.ConfigMap.Items, isTrue(volume.ConfigMap.Optional), objects)
	case volume.Projected != nil:
		for _, source := range volume.Projected.Sources {
			var err error
			switch {
			case source.Secret != nil:
				err = secretProblem(pod.Namespace, source.Secret.Name, source.Secret.Items, isTrue(source.Secret.Optional), objects)
			case source.ConfigMap != nil:
				err = configMapProblem(pod.Namespace, source.ConfigMap.Name, source.ConfigMap.Items, isTrue(source.ConfigMap.Optional), objects)
			case source.ServiceAccountToken != nil && !objects.HasServiceAccount(pod.Namespace, pod.Spec.ServiceAccountName):
				err = fmt.Errorf("failed to fetch token: serviceaccounts %q not found", pod.Spec.ServiceAccountName)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func secretProblem(namespace, name string, items []corev1.KeyToPath, optional bool, objects Objects) error {
	secret := objects.Secret(namespace, name)
	if secret == nil {
		return unlessOptional(optional, notFound("secret", name))
	}
	for _, item := range items {
		if _, ok := secret.Data[item.Key]; !ok {
			return unlessOptional(optional, fmt.Errorf("references non-existent secret key: %s", item.Key))
		}
	}
	return nil
}

func configMapProblem(namespace, name string, items []corev1.KeyToPath, optional bool, objects Objects) error {
	found := objects.ConfigMap(namespace, name)
	if found == nil {
		return unlessOptional(optional, notFound("configmap", name))
	}
	for _, item := range items {
		_, text := found.Data[item.Key]
		_, binary := found.BinaryData[item.Key]
		if !text && !binary {
			return unlessOptional(optional, fmt.Errorf("configmap references non-existent config key: %s", item.Key))
		}
	}
	return nil
}

func unlessOptional(optional bool, err error) error {
	if optional {
		return nil
	}
	return err
}
