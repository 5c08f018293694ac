package velero

import (
	"context"
	"log/slog"
	"maps"
	"path/filepath"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"practice-cluster/standins"
)

const (
	kindLocation = "backupstoragelocations"
	kindSchedule = "schedules"
	kindBackup   = "backups"
	kindRestore  = "restores"
	// atWork is how long a backup or a restore stays in progress at least, so that one can see it.
	atWork = 2 * time.Second
)

var (
	kinds       = []string{kindLocation, kindSchedule, kindBackup, kindRestore}
	definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
)

// Part plays the Velero server, in namespace velero.
type Part struct {
	world   *standins.World
	store   store
	listers map[string]cache.GenericNamespaceLister
	queue   workqueue.TypedRateLimitingInterface[item]
}

type item struct{ kind, name string }

// New is the stand-in for Velero.
func New() *Part { return &Part{} }

// Name is that of the part in logs.
func (p *Part) Name() string { return "velero" }

// Prepare keeps the world; Velero's own kinds are watched once they are served.
func (p *Part) Prepare(world *standins.World) error {
	p.world = world
	p.store = store(filepath.Join(world.Dir, "velero"))
	return nil
}

// Run works until ctx ends.
func (p *Part) Run(ctx context.Context) error {
	if !p.waitForKinds(ctx) {
		return nil
	}
	p.queue = standins.NewQueue[item]()
	defer p.queue.ShutDown()
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(p.world.Dynamic, 0, Namespace, nil)
	p.listers = map[string]cache.GenericNamespaceLister{}
	for _, kind := range kinds {
		informer := factory.ForResource(resourceOf(kind))
		p.listers[kind] = informer.Lister().ByNamespace(Namespace)
		if _, err := informer.Informer().AddEventHandler(p.handlers(kind)); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	uids := map[string]bool{}
	for _, backup := range p.all(kindBackup) {
		uids[string(backup.GetUID())] = true
	}
	if err := p.store.keepOnly(uids); err != nil {
		return err
	}
	return standins.Work(ctx, p.Name(), p.queue, p.sync)
}

func resourceOf(kind string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: version, Resource: kind}
}

func (p *Part) handlers(kind string) cache.ResourceEventHandlerFuncs {
	enqueue := func(object any) {
		if found, ok := object.(*unstructured.Unstructured); ok {
			p.queue.Add(item{kind, found.GetName()})
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, now any) { enqueue(now) },
		DeleteFunc: func(object any) {
			if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			if backup, ok := object.(*unstructured.Unstructured); ok && kind == kindBackup {
				if err := p.store.forget(string(backup.GetUID())); err != nil {
					slog.Warn("a backup's objects stay", "backup", backup.GetName(), "error", err)
				}
			}
		},
	}
}

// waitForKinds watches the definitions until all of Velero's kinds are served.
func (p *Part) waitForKinds(ctx context.Context) bool {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	changed := make(chan struct{}, 1)
	tell := func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	missing := map[string]cache.SharedIndexInformer{}
	for _, kind := range kinds {
		name := kind + "." + group
		informer := dynamicinformer.NewFilteredDynamicInformer(p.world.Dynamic, definitions, "", 0, cache.Indexers{}, func(options *metav1.ListOptions) {
			options.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
		}).Informer()
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: tell, UpdateFunc: func(_, now any) { tell(now) },
		}); err != nil {
			return false
		}
		missing[name] = informer
		go informer.Run(ctx.Done())
	}
	for {
		maps.DeleteFunc(missing, func(name string, informer cache.SharedIndexInformer) bool {
			definition, exists, _ := informer.GetStore().GetByKey(name)
			return exists && established(definition)
		})
		if len(missing) == 0 {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-changed:
		}
	}
}

func established(definition any) bool {
	found, ok := definition.(*unstructured.Unstructured)
	if !ok {
		return false
	}
	conditions, _, _ := unstructured.NestedSlice(found.Object, "status", "conditions")
	for _, condition := range conditions {
		condition, ok := condition.(map[string]any)
		if ok && condition["type"] == "Established" && condition["status"] == "True" {
			return true
		}
	}
	return false
}

func (p *Part) sync(ctx context.Context, key item) (again time.Duration, err error) {
	found, err := p.listers[key.kind].Get(key.name)
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	object := found.(*unstructured.Unstructured).DeepCopy()
	if object.GetDeletionTimestamp() != nil {
		return 0, nil
	}
	switch key.kind {
	case kindLocation:
		return 0, p.try(ctx, object)
	case kindSchedule:
		return p.schedule(ctx, object)
	case kindBackup:
		return p.backup(ctx, object)
	}
	return p.restore(ctx, object)
}

// all lists the cached objects of a kind.
func (p *Part) all(kind string) (objects []*unstructured.Unstructured) {
	listed, _ := p.listers[kind].List(labels.Everything()) // a cache's list cannot fail
	for _, object := range listed {
		objects = append(objects, object.(*unstructured.Unstructured))
	}
	return objects
}

func (p *Part) client(kind string) dynamic.ResourceInterface {
	return p.world.Dynamic.Resource(resourceOf(kind)).Namespace(Namespace)
}

func (p *Part) update(ctx context.Context, kind string, object *unstructured.Unstructured) error {
	_, err := p.client(kind).Update(ctx, object, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// try tells whether a storage location can be used.
func (p *Part) try(ctx context.Context, location *unstructured.Unstructured) error {
	phase, message := phaseAvailable, unavailable(location)
	if message != "" {
		phase = phaseUnavailable
	}
	if text(location.Object, "status", "phase") == phase && text(location.Object, "status", "message") == message {
		return nil
	}
	status := map[string]any{"phase": phase, "lastValidationTime": stamp(time.Now())}
	if message != "" {
		status["message"] = message
	} else {
		status["lastSyncedTime"] = stamp(time.Now())
	}
	location.Object["status"] = status
	return p.update(ctx, kindLocation, location)
}

// schedule makes a Backup when its time has come, and comes back for the next one.
func (p *Part) schedule(ctx context.Context, schedule *unstructured.Unstructured) (again time.Duration, err error) {
	times, invalid := parseCron(text(schedule.Object, "spec", "schedule"))
	status, _, _ := unstructured.NestedMap(schedule.Object, "status")
	if status == nil {
		status = map[string]any{}
	}
	before := text(status, "phase")
	changed := false
	if flag(schedule.Object, "spec", "skipImmediately") {
		_ = unstructured.SetNestedField(schedule.Object, false, "spec", "skipImmediately")
		status["lastSkipped"], changed = stamp(time.Now()), true
	}
	if invalid != nil {
		changed = changed || before != phaseFailed || !contains(status["validationErrors"], []any{invalid.Error()})
		status["phase"], status["validationErrors"] = phaseFailed, []any{invalid.Error()}
	} else {
		changed = changed || before != phaseEnabled
		status["phase"] = phaseEnabled
		delete(status, "validationErrors")
	}
	schedule.Object["status"] = status
	if changed {
		return 0, p.update(ctx, kindSchedule, schedule) // which has it looked at again
	}
	if invalid != nil || flag(schedule.Object, "spec", "paused") {
		return 0, nil
	}
	now := time.Now()
	due := nextRun(schedule, times)
	if due.IsZero() { // a time that never comes
		return 0, nil
	}
	if now.Before(due) {
		return due.Sub(now), nil
	}
	if underway(schedule.GetName(), p.all(kindBackup)) {
		return atWork, nil
	}
	if _, err := p.client(kindBackup).Create(ctx, backupOf(schedule, now), metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return 0, err
	}
	status["lastBackup"] = stamp(now)
	return 0, p.update(ctx, kindSchedule, schedule)
}

// backup carries a Backup one phase on, and deletes it when its time is over.
func (p *Part) backup(ctx context.Context, backup *unstructured.Unstructured) (again time.Duration, err error) {
	switch text(backup.Object, "status", "phase") {
	case "", phaseNew:
		made, _ := accept(backup, p.all(kindLocation), time.Now())
		return 0, p.update(ctx, kindBackup, made)
	case phaseInProgress:
		if left := time.Until(timeAt(backup, "status", "startTimestamp").Add(atWork)); left > 0 {
			return left, nil
		}
		return 0, p.save(ctx, backup)
	}
	expires := timeAt(backup, "status", "expiration")
	if expires.IsZero() {
		return 0, nil
	}
	if left := time.Until(expires); left > 0 {
		return left, nil
	}
	uid := backup.GetUID()
	err = p.client(kindBackup).Delete(ctx, backup.GetName(), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if apierrors.IsNotFound(err) {
		err = nil
	}
	return 0, err
}

// save keeps the objects of a backup and completes it.
func (p *Part) save(ctx context.Context, backup *unstructured.Unstructured) error {
	chosen, _ := selectionOf(specOf(backup))
	resources, err := served(p.world.Client.Discovery())
	if err != nil {
		return err
	}
	entries, failures, err := collect(ctx, p.world.Dynamic, sorted(resources), chosen)
	if err != nil {
		return err
	}
	if err := p.store.write(string(backup.GetUID()), entries); err != nil {
		return err
	}
	status, _, _ := unstructured.NestedMap(backup.Object, "status")
	count := int64(len(entries))
	status["phase"] = phaseCompleted
	if failures > 0 {
		status["phase"], status["errors"] = phasePartly, int64(failures)
	}
	status["completionTimestamp"] = stamp(time.Now())
	status["progress"] = map[string]any{"totalItems": count, "itemsBackedUp": count}
	backup.Object["status"] = status
	return p.update(ctx, kindBackup, backup)
}

// restore carries a Restore one phase on.
func (p *Part) restore(ctx context.Context, restore *unstructured.Unstructured) (again time.Duration, err error) {
	switch text(restore.Object, "status", "phase") {
	case "", phaseNew:
		return 0, p.update(ctx, kindRestore, begin(restore, p.all(kindBackup), p.all(kindLocation), time.Now()))
	case phaseInProgress:
		if left := time.Until(timeAt(restore, "status", "startTimestamp").Add(atWork)); left > 0 {
			return left, nil
		}
		return 0, p.bringBack(ctx, restore)
	}
	return 0, nil
}

// bringBack creates the objects of a backup that are not there.
func (p *Part) bringBack(ctx context.Context, restore *unstructured.Unstructured) error {
	status, _, _ := unstructured.NestedMap(restore.Object, "status")
	spec := specOf(restore)
	entries, err := p.kept(text(spec, "backupName"))
	if err != nil {
		status["phase"], status["failureReason"] = "Failed", err.Error()
	} else {
		chosen, _ := selectionOf(spec)
		maps.Copy(status, p.recreate(ctx, restore, restorable(entries, chosen)))
	}
	status["completionTimestamp"] = stamp(time.Now())
	restore.Object["status"] = status
	return p.update(ctx, kindRestore, restore)
}

// kept are the objects of a backup.
func (p *Part) kept(name string) ([]entry, error) {
	backup, err := p.listers[kindBackup].Get(name)
	if err != nil {
		return nil, err
	}
	return p.store.read(string(backup.(*unstructured.Unstructured).GetUID()))
}

// recreate creates objects and reports how that went, as a part of the Restore's status.
func (p *Part) recreate(ctx context.Context, restore *unstructured.Unstructured, entries []entry) map[string]any {
	namespaces, _, _ := unstructured.NestedStringMap(restore.Object, "spec", "namespaceMapping")
	marks := map[string]string{"velero.io/backup-name": text(restore.Object, "spec", "backupName"), "velero.io/restore-name": restore.GetName()}
	update := text(restore.Object, "spec", "existingResourcePolicy") == "update"
	var failures, warnings int64
	for _, each := range entries {
		warned, err := create(ctx, p.world.Dynamic, each, renewed(each.object(), namespaces, marks), update)
		if err != nil {
			slog.Warn("not restored", "restore", restore.GetName(), "resource", each.Resource.Resource, "object", each.object().GetName(), "error", err)
			failures++
		}
		if warned {
			warnings++
		}
	}
	total := int64(len(entries))
	report := map[string]any{"phase": phaseCompleted, "progress": map[string]any{"totalItems": total, "itemsRestored": total - failures}}
	if failures > 0 {
		report["phase"], report["errors"] = phasePartly, failures
	}
	if warnings > 0 {
		report["warnings"] = warnings
	}
	return report
}
