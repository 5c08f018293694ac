package velero

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// object reads YAML in flow style.
func object(t *testing.T, name, written string) *unstructured.Unstructured {
	t.Helper()
	read := &unstructured.Unstructured{Object: map[string]any{}}
	if err := yaml.Unmarshal([]byte(written), &read.Object); err != nil {
		t.Fatal(err)
	}
	read.SetName(name)
	read.SetNamespace(Namespace)
	return read
}

func TestUnavailable(t *testing.T) {
	for name, test := range map[string]struct{ spec, want string }{
		"a bucket":               {`{provider: aws, objectStorage: {bucket: rag-engine-backups}}`, ""},
		"the plugin's full name": {`{provider: velero.io/gcp, objectStorage: {bucket: backups}}`, ""},
		"an access point":        {`{provider: aws, objectStorage: {bucket: "arn:aws:s3:eu-west-1:1:accesspoint/a"}}`, ""},
		"no such plugin":         {`{provider: nfs, objectStorage: {bucket: backups}}`, "unable to locate ObjectStore plugin named velero.io/nfs"},
		"no provider":            {`{provider: "", objectStorage: {bucket: backups}}`, "unable to locate"},
		"an empty bucket":        {`{provider: aws, objectStorage: {bucket: ""}}`, "not the name of a bucket"},
		"a folder in the bucket": {`{provider: aws, objectStorage: {bucket: backups/prod}}`, "must not contain a '/'"},
		"a URL":                  {`{provider: aws, objectStorage: {bucket: "s3://backups"}}`, "must not contain a '/'"},
	} {
		t.Run(name, func(t *testing.T) {
			got := unavailable(object(t, "default", "spec: "+test.spec))
			if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
				t.Errorf("unavailable = %q, want %q", got, test.want)
			}
		})
	}
}

func TestParseCron(t *testing.T) {
	for name, test := range map[string]struct {
		expression string
		valid      bool
	}{
		"nightly":          {"0 2 * * *", true},
		"question marks":   {"0 2 ? * ?", true},
		"its own zone":     {"CRON_TZ=Europe/Berlin 0 2 * * *", true},
		"an interval":      {"@every 24h", true},
		"empty":            {"", false},
		"words":            {"every night", false},
		"six fields":       {"0 0 2 * * *", false},
		"Sunday as seven":  {"0 2 * * 7", false},
		"a zone, no times": {"CRON_TZ=Europe/Berlin", false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseCron(test.expression); (err == nil) != test.valid {
				t.Errorf("parseCron = %v, want valid: %v", err, test.valid)
			}
		})
	}
}

func TestNextRun(t *testing.T) {
	times, err := parseCron("CRON_TZ=UTC 0 2 * * *")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ status, want string }{
		"never yet":     {`{}`, "2026-11-25T02:00:00Z"},
		"last night":    {`{lastBackup: "2026-11-25T02:00:01Z"}`, "2026-11-26T02:00:00Z"},
		"skipped since": {`{lastBackup: "2026-11-25T02:00:01Z", lastSkipped: "2026-11-27T08:00:00Z"}`, "2026-11-28T02:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			schedule := object(t, "daily", "status: "+test.status)
			schedule.SetCreationTimestamp(metav1.NewTime(noon))
			if got := stamp(nextRun(schedule, times)); got != test.want {
				t.Errorf("nextRun = %s, want %s", got, test.want)
			}
		})
	}
}

func TestBackupOf(t *testing.T) {
	schedule := object(t, "daily", `spec: {template: {includedNamespaces: [rag-engine], ttl: 720h}, useOwnerReferencesInBackup: true}`)
	schedule.SetLabels(map[string]string{"team": "rag"})
	backup := backupOf(schedule, noon)
	if backup.GetName() != "daily-20261124120000" || backup.GetLabels()[scheduleLabel] != "daily" || backup.GetLabels()["team"] != "rag" {
		t.Errorf("backup = %v", backup.Object)
	}
	if text(backup.Object, "spec", "ttl") != "720h" || len(backup.GetOwnerReferences()) != 1 {
		t.Errorf("backup = %v", backup.Object)
	}
	if schedule.GetLabels()[scheduleLabel] != "" {
		t.Error("the Schedule itself is labelled")
	}
}

func TestAccept(t *testing.T) {
	here := `spec: {provider: aws, default: true, objectStorage: {bucket: backups}}`
	for name, test := range map[string]struct {
		spec, location, phase, want string
	}{
		"all left out":            {`{}`, here, phaseInProgress, ""},
		"a location that is":      {`{storageLocation: main}`, here, phaseInProgress, ""},
		"a location that is not":  {`{storageLocation: other}`, here, phaseFailed, `"other" not found`},
		"a location that is down": {`{}`, `spec: {provider: nfs, default: true, objectStorage: {bucket: backups}}`, phaseFailed, "Unavailable"},
		"a location to read from": {`{}`, here[:len(here)-1] + `, accessMode: ReadOnly}`, phaseFailed, "read-only"},
		"days":                    {`{ttl: 30d}`, here, phaseFailed, "unknown unit"},
		"star beside a name":      {`{includedNamespaces: ["*", a]}`, here, phaseFailed, "Invalid included/excluded namespace lists"},
		"in and out":              {`{includedResources: [pods], excludedResources: [pods]}`, here, phaseFailed, "includes list: pods"},
		"both ways of choosing":   {`{includedResources: [pods], includedNamespaceScopedResources: [pods]}`, here, phaseFailed, "old filter parameters"},
		"two kinds of selectors":  {`{labelSelector: {}, orLabelSelectors: [{}]}`, here, phaseFailed, "only one can be specified"},
	} {
		t.Run(name, func(t *testing.T) {
			made, _ := accept(object(t, "now", "spec: "+test.spec), []*unstructured.Unstructured{object(t, "main", test.location)}, noon)
			if got := text(made.Object, "status", "phase"); got != test.phase {
				t.Errorf("phase = %s, want %s: %v", got, test.phase, made.Object["status"])
			}
			errors, _, _ := unstructured.NestedStringSlice(made.Object, "status", "validationErrors")
			if !strings.Contains(strings.Join(errors, "\n"), test.want) {
				t.Errorf("errors = %q, want %q", errors, test.want)
			}
		})
	}
}

func TestAcceptSaysWhatItDecides(t *testing.T) {
	location := object(t, "main", `spec: {provider: aws, default: true, objectStorage: {bucket: backups}}`)
	made, _ := accept(object(t, "now", `spec: {ttl: 24h}`), []*unstructured.Unstructured{location}, noon)
	for path, want := range map[string]string{"spec.storageLocation": "main", "spec.ttl": "24h0m0s", "status.expiration": "2026-11-25T12:00:00Z"} {
		if got := text(made.Object, strings.Split(path, ".")...); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
	if made.GetLabels()[locationLabel] != "main" || made.GetAnnotations()[description] == "" {
		t.Errorf("metadata = %v", made.Object["metadata"])
	}
}

func TestBegin(t *testing.T) {
	ended := func(name, phase, started string) *unstructured.Unstructured {
		backup := object(t, name, `spec: {storageLocation: main}`)
		backup.SetLabels(map[string]string{scheduleLabel: "daily"})
		backup.Object["status"] = map[string]any{"phase": phase, "startTimestamp": started}
		return backup
	}
	backups := []*unstructured.Unstructured{
		ended("first", phaseCompleted, "2026-11-22T02:00:00Z"), ended("second", phaseCompleted, "2026-11-23T02:00:00Z"),
		ended("third", phaseFailed, "2026-11-24T02:00:00Z"),
	}
	for name, test := range map[string]struct{ spec, from, want string }{
		"a backup":               {`{backupName: first}`, "first", ""},
		"the newest of schedule": {`{scheduleName: daily}`, "second", ""},
		"no source":              {`{}`, "", "Either a backup or schedule"},
		"two sources":            {`{backupName: first, scheduleName: daily}`, "", "Either a backup or schedule"},
		"no such backup":         {`{backupName: zeroth}`, "", `"zeroth" not found`},
		"a backup that failed":   {`{backupName: third}`, "", "has not completed"},
		"no such schedule":       {`{scheduleName: weekly}`, "", "No backups found for schedule"},
		"a policy that is none":  {`{backupName: first, existingResourcePolicy: replace}`, "", "Invalid ExistingResourcePolicy"},
		"in and out at once":     {`{backupName: first, includedNamespaces: [a], excludedNamespaces: [a]}`, "", "Invalid included/excluded namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			made := begin(object(t, "r", "spec: "+test.spec), backups, nil, noon)
			errors, _, _ := unstructured.NestedStringSlice(made.Object, "status", "validationErrors")
			if (test.want == "") != (len(errors) == 0) || !strings.Contains(strings.Join(errors, "\n"), test.want) {
				t.Errorf("errors = %q, want %q", errors, test.want)
			}
			if test.from != "" && text(made.Object, "spec", "backupName") != test.from {
				t.Errorf("it restores from %q, want %q", text(made.Object, "spec", "backupName"), test.from)
			}
		})
	}
}
