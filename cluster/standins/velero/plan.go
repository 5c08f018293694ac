package velero

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// Namespace is where Velero works; it looks nowhere else.
	Namespace = "velero"

	group      = "velero.io"
	version    = "v1"
	apiVersion = group + "/" + version

	scheduleLabel    = "velero.io/schedule-name"
	locationLabel    = "velero.io/storage-location"
	defaultLocation  = "default"
	defaultTTL       = 30 * 24 * time.Hour
	formatVersion    = "1.1.0"
	description      = "kubernetes.io/description"
	playedBackup     = "Made by a stand-in for Velero: it holds the objects, in the practice cluster's own folder. What is on disks is not copied."
	playedRestore    = "Made by a stand-in for Velero: objects come back, and claims get new, empty disks."
	timestampedName  = "20060102150405"
	phaseNew         = "New"
	phaseFailed      = "FailedValidation"
	phaseInProgress  = "InProgress"
	phaseCompleted   = "Completed"
	phasePartly      = "PartiallyFailed"
	phaseAvailable   = "Available"
	phaseUnavailable = "Unavailable"
	phaseEnabled     = "Enabled"
)

// plugins are the object stores that are taken for installed.
var plugins = []string{"velero.io/aws", "velero.io/azure", "velero.io/gcp"}

// bucketName is what all three of them accept.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$`)

func text(object map[string]any, fields ...string) string {
	value, _, _ := unstructured.NestedString(object, fields...)
	return value
}

func flag(object map[string]any, fields ...string) bool {
	value, _, _ := unstructured.NestedBool(object, fields...)
	return value
}

func specOf(object *unstructured.Unstructured) map[string]any {
	spec, _, _ := unstructured.NestedMap(object.Object, "spec")
	return spec
}

func timeAt(object *unstructured.Unstructured, fields ...string) time.Time {
	at, _ := time.Parse(time.RFC3339, text(object.Object, fields...)) // the API server has checked the format
	return at
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// unavailable is why a storage location cannot be used, empty when it can. There is no storage to reach: only what is plainly wrong
// is told, in the words of Velero.
func unavailable(location *unstructured.Unstructured) string {
	provider, bucket := text(location.Object, "spec", "provider"), text(location.Object, "spec", "objectStorage", "bucket")
	plugin := provider
	if !strings.Contains(plugin, "/") {
		plugin = group + "/" + plugin
	}
	var why string
	switch {
	case strings.Contains(strings.Trim(bucket, "/"), "/") && !strings.HasPrefix(bucket, "arn:aws:s3:"):
		why = fmt.Sprintf("backup storage location's bucket name %q must not contain a '/' (if using a prefix, put it in the 'Prefix' field instead)", bucket)
	case !slices.Contains(plugins, plugin):
		why = "unable to locate ObjectStore plugin named " + plugin
	case !bucketName.MatchString(strings.Trim(bucket, "/")) && !strings.HasPrefix(bucket, "arn:aws:s3:"):
		why = fmt.Sprintf("rpc error: code = Unknown desc = %q is not the name of a bucket", bucket)
	default:
		return ""
	}
	return fmt.Sprintf("BackupStorageLocation %q is unavailable: %s", location.GetName(), why)
}

// locationFor is the name of the storage location that a backup goes to: its own, else the one marked as default, else `default`.
func locationFor(backup *unstructured.Unstructured, locations []*unstructured.Unstructured) string {
	if name := text(backup.Object, "spec", "storageLocation"); name != "" {
		return name
	}
	for _, location := range locations {
		if flag(location.Object, "spec", "default") {
			return location.GetName()
		}
	}
	return defaultLocation
}

// parseCron reads the expression of a Schedule as Velero does, by the same library.
func parseCron(expression string) (schedule cron.Schedule, err error) {
	if expression == "" {
		return nil, fmt.Errorf("Schedule must be a non-empty valid Cron expression") //nolint:staticcheck // Velero's words
	}
	defer func() { // the library panics at some expressions
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("invalid schedule: %v", panicked)
		}
	}()
	schedule, err = cron.ParseStandard(expression)
	if err != nil {
		return nil, fmt.Errorf("invalid schedule: %w", err)
	}
	return schedule, nil
}

// nextRun is when the next backup of a Schedule is due: the first time after the last backup, or after the Schedule was made.
// Unless the expression names a time zone it is UTC, as in the containers that Velero runs in.
func nextRun(schedule *unstructured.Unstructured, times cron.Schedule) time.Time {
	last := timeAt(schedule, "status", "lastBackup")
	if last.IsZero() {
		last = schedule.GetCreationTimestamp().Time
	}
	if skipped := timeAt(schedule, "status", "lastSkipped"); skipped.After(last) {
		last = skipped
	}
	return times.Next(last.UTC())
}

// underway tells whether a Schedule has to wait because a backup of it has not ended.
func underway(schedule string, backups []*unstructured.Unstructured) bool {
	return slices.ContainsFunc(backups, func(backup *unstructured.Unstructured) bool {
		phase := text(backup.Object, "status", "phase")
		return backup.GetLabels()[scheduleLabel] == schedule && (phase == "" || phase == phaseNew || phase == phaseInProgress)
	})
}

// backupOf is the Backup that a Schedule makes at a time.
func backupOf(schedule *unstructured.Unstructured, at time.Time) *unstructured.Unstructured {
	template, _, _ := unstructured.NestedMap(schedule.Object, "spec", "template")
	labels, own, _ := unstructured.NestedStringMap(template, "metadata", "labels")
	if !own {
		labels = maps.Clone(schedule.GetLabels())
	}
	if labels == nil {
		labels = map[string]string{}
	}
	labels[scheduleLabel] = schedule.GetName()
	backup := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": "Backup", "spec": template}}
	backup.SetNamespace(schedule.GetNamespace())
	backup.SetName(schedule.GetName() + "-" + at.UTC().Format(timestampedName))
	backup.SetLabels(labels)
	annotations := maps.Clone(schedule.GetAnnotations())
	delete(annotations, "kubectl.kubernetes.io/last-applied-configuration") // which is about the Schedule
	backup.SetAnnotations(annotations)
	if flag(schedule.Object, "spec", "useOwnerReferencesInBackup") {
		yes := true
		backup.SetOwnerReferences([]metav1.OwnerReference{{
			APIVersion: apiVersion, Kind: "Schedule", Name: schedule.GetName(), UID: schedule.GetUID(), Controller: &yes,
		}})
	}
	return backup
}

// accept fills in what a new Backup leaves to Velero and starts it, or says why it cannot be made.
func accept(backup *unstructured.Unstructured, locations []*unstructured.Unstructured, now time.Time) (*unstructured.Unstructured, selection) {
	made := backup.DeepCopy()
	spec := specOf(made)
	if spec == nil {
		spec = map[string]any{}
	}
	chosen, problems := selectionOf(spec)
	lifetime := defaultTTL
	if written := text(spec, "ttl"); written != "" {
		parsed, err := time.ParseDuration(written)
		switch {
		case err != nil:
			problems = append(problems, "ttl: "+err.Error())
		case parsed != 0:
			lifetime = parsed
		}
	}
	name := locationFor(backup, locations)
	problems = append(problems, unusable(name, text(spec, "storageLocation") == "", locations)...)
	spec["ttl"], spec["storageLocation"] = lifetime.String(), name
	for field, value := range map[string]any{
		"csiSnapshotTimeout": "10m0s", "itemOperationTimeout": "4h0m0s", "defaultVolumesToFsBackup": false, "snapshotMoveData": false,
	} {
		if spec[field] == nil {
			spec[field] = value
		}
	}
	status := map[string]any{"version": int64(1), "formatVersion": formatVersion, "expiration": stamp(now.Add(lifetime))}
	if len(problems) > 0 {
		status["phase"], status["validationErrors"] = phaseFailed, texts(problems)
	} else {
		status["phase"], status["startTimestamp"] = phaseInProgress, stamp(now)
	}
	made.Object["spec"], made.Object["status"] = spec, status
	made.SetLabels(with(made.GetLabels(), locationLabel, name))
	made.SetAnnotations(with(made.GetAnnotations(), description, playedBackup))
	return made, chosen
}

// unusable is why a backup cannot go to a storage location.
func unusable(name string, byDefault bool, locations []*unstructured.Unstructured) []string {
	index := slices.IndexFunc(locations, func(location *unstructured.Unstructured) bool { return location.GetName() == name })
	if index < 0 {
		where := fmt.Sprintf("the backup storage location %s was not found", name)
		if byDefault {
			where = fmt.Sprintf("an existing backup storage location was not specified at backup creation time and the default %s was not found", name)
		}
		return []string{fmt.Sprintf("%s. Please address this issue (see `velero backup-location -h` for options) and create a new backup. "+
			"Error: backupstoragelocations.velero.io %q not found", where, name)}
	}
	location, found := locations[index], []string(nil)
	if text(location.Object, "spec", "accessMode") == "ReadOnly" {
		found = append(found, fmt.Sprintf("backup can't be created because backup storage location %s is currently in read-only mode", name))
	}
	if unavailable(location) != "" {
		found = append(found, fmt.Sprintf("backup can't be created because BackupStorageLocation %s is in Unavailable status.", name))
	}
	return found
}

// source is the Backup that a Restore is made from; problems are why there is none.
func source(restore *unstructured.Unstructured, backups, locations []*unstructured.Unstructured) (backup *unstructured.Unstructured, problems []string) {
	name, schedule := text(restore.Object, "spec", "backupName"), text(restore.Object, "spec", "scheduleName")
	// Velero itself fills in the name of the schedule beside that of the backup once it has accepted a restore.
	if (name == "") == (schedule == "") {
		return nil, []string{"Either a backup or schedule must be specified as a source for the restore, but not both"}
	}
	if schedule != "" {
		backup, problems = newest(schedule, backups)
		if backup == nil {
			return nil, problems
		}
		name = backup.GetName()
	}
	index := slices.IndexFunc(backups, func(backup *unstructured.Unstructured) bool { return backup.GetName() == name })
	if index < 0 {
		return nil, []string{fmt.Sprintf("Error retrieving backup: backups.velero.io %q not found", name)}
	}
	backup = backups[index]
	if phase := text(backup.Object, "status", "phase"); phase != phaseCompleted && phase != phasePartly {
		return nil, []string{fmt.Sprintf("Error retrieving backup: %s has not completed, its phase is %q", name, phase)}
	}
	for _, location := range locations {
		if location.GetName() == text(backup.Object, "spec", "storageLocation") && unavailable(location) != "" {
			return nil, []string{fmt.Sprintf("The BSL %s is unavailable, cannot retrieve the backup", location.GetName())}
		}
	}
	return backup, nil
}

// newest is the completed Backup of a Schedule that was started last.
func newest(schedule string, backups []*unstructured.Unstructured) (found *unstructured.Unstructured, problems []string) {
	problems = []string{"No backups found for schedule"}
	for _, backup := range backups {
		if backup.GetLabels()[scheduleLabel] != schedule {
			continue
		}
		problems = []string{"No completed backups found for schedule"}
		later := found == nil || timeAt(backup, "status", "startTimestamp").After(timeAt(found, "status", "startTimestamp"))
		if text(backup.Object, "status", "phase") == phaseCompleted && later {
			found = backup
		}
	}
	return found, problems
}

// begin starts a new Restore, or says why it cannot be made.
func begin(restore *unstructured.Unstructured, backups, locations []*unstructured.Unstructured, now time.Time) *unstructured.Unstructured {
	made := restore.DeepCopy()
	spec := specOf(made)
	if spec == nil {
		spec = map[string]any{}
	}
	_, problems := selectionOf(spec)
	switch policy := text(spec, "existingResourcePolicy"); policy {
	case "", "none", "update":
	default:
		problems = append(problems, "Invalid ExistingResourcePolicy: "+policy)
	}
	backup, missing := source(restore, backups, locations)
	problems = append(problems, missing...)
	status := map[string]any{}
	if len(problems) > 0 {
		status["phase"], status["validationErrors"] = phaseFailed, texts(problems)
	} else {
		spec["backupName"] = backup.GetName()
		status["phase"], status["startTimestamp"] = phaseInProgress, stamp(now)
	}
	made.Object["spec"], made.Object["status"] = spec, status
	made.SetAnnotations(with(made.GetAnnotations(), description, playedRestore))
	return made
}

func texts(values []string) []any {
	list := make([]any, len(values))
	for index, value := range values {
		list[index] = value
	}
	return list
}

func with(entries map[string]string, key, value string) map[string]string {
	if entries == nil {
		entries = map[string]string{}
	}
	entries[key] = value
	return entries
}
