package kubelet

import (
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/distribution/reference"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"practice-cluster/advice"
	"sigs.k8s.io/yaml"
)

//go:embed images.yaml
var listed []byte

// Repository is one entry of images.yaml, which documents its fields.
type Repository struct {
	Name     string                     `json:"name"`
	Tags     []string                   `json:"tags"`
	User     string                     `json:"user"`
	Users    map[string]string          `json:"users"`
	Starts   metav1.Duration            `json:"starts"`
	Ports    []int32                    `json:"ports"`
	Paths    []string                   `json:"paths"`
	Requires []Requirement              `json:"requires"`
	Exits    *Exit                      `json:"exits"`
	Log      []string                   `json:"log"`
	Delay    string                     `json:"delay"`
	Unready  string                     `json:"unready"`
	Sickens  map[string]metav1.Duration `json:"sickens"`
}

// Requirement is a variable that an app cannot do without.
type Requirement struct {
	Name string `json:"name"`
	Says string `json:"says"`
}

// Exit is how a program ends that is no server.
type Exit struct {
	Code  int32           `json:"code"`
	After metav1.Duration `json:"after"`
}

// Image is one image of the list, as a container refers to it.
type Image struct {
	Repository
	Reference string // in full, as the container runtime reports it
	Tag       string
}

// Catalogue is what can be pulled.
type Catalogue struct {
	Repositories []Repository `json:"repositories"`
}

// additionsFile, in the cluster's data folder, holds the images that the learner added, one a line.
const additionsFile = "images.txt"

// builtIn parses images.yaml, which is part of the program, once.
var builtIn = sync.OnceValues(func() (Catalogue, error) {
	var catalogue Catalogue
	err := yaml.UnmarshalStrict(listed, &catalogue)
	return catalogue, err
})

// LoadCatalogue reads the list, and the learner's additions in the cluster's data folder.
func LoadCatalogue(dir string) (*Catalogue, error) {
	base, err := builtIn()
	if err != nil {
		return nil, err
	}
	catalogue := &Catalogue{Repositories: slices.Clone(base.Repositories)}
	added, err := additions(dir)
	if err != nil {
		return nil, err
	}
	for _, image := range added {
		catalogue.add(image)
	}
	return catalogue, nil
}

func additions(dir string) ([]string, error) {
	data, err := os.ReadFile(filepath.Join(dir, additionsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return strings.Fields(string(data)), err
}

// Add keeps an image, as REPOSITORY:TAG, on the learner's own list in the data folder. It tells whether it was new.
func Add(dir, image string) (bool, error) {
	catalogue, err := LoadCatalogue(dir)
	if err != nil {
		return false, err
	}
	named, err := parse(image)
	if err != nil {
		return false, fmt.Errorf("%q is no image: %w", image, err)
	}
	if _, err := catalogue.Find(image); err == nil {
		return false, nil
	}
	if _, ok := named.(reference.Digested); ok {
		return false, fmt.Errorf("%q names a digest. Add a tag of the repository; its digests can be pulled then", image)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	file, err := os.OpenFile(filepath.Join(dir, additionsFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return false, err
	}
	_, err = fmt.Fprintln(file, image)
	return true, errors.Join(err, file.Close())
}

// add puts one image on the list: a tag more of a repository that is there under this very name, or a server of which nothing is known.
func (c *Catalogue) add(image string) {
	named, err := parse(image)
	if err != nil {
		return
	}
	name, tag := short(named), tagOf(named)
	if known := c.repository(name); known != nil {
		more := *known
		if more.Name != name { // it may play the same, but other repositories of that name gain no tag
			more.Name = name
			more.Tags = slices.Clone(more.Tags)
			c.Repositories = append(c.Repositories, more)
			known = &c.Repositories[len(c.Repositories)-1]
		}
		known.Tags = append(slices.Clone(known.Tags), tag)
		return
	}
	c.Repositories = append(c.Repositories, Repository{Name: name, Tags: []string{tag}})
}

// UnlistedError says that no image of a repository is on the list.
type UnlistedError struct{ Image string }

func (e *UnlistedError) Error() string {
	return fmt.Sprintf("the practice cluster pulls nothing and knows only the images on its list; "+
		"see it with `%s`, add to it with `%s`", advice.Command("images"), advice.Command("images add "+e.Image))
}

// UnknownTagError says that a repository is on the list without this tag.
type UnknownTagError struct{ Image, Repository string }

func (e *UnknownTagError) Error() string {
	return fmt.Sprintf("`%s` lists the tags that the practice cluster knows", advice.Command("images "+e.Repository))
}

// InvalidNameError says that a name is no image reference.
type InvalidNameError struct{ cause error }

func (e *InvalidNameError) Error() string { return e.cause.Error() }

// Find returns the image that a container names, or an error of the types above.
func (c *Catalogue) Find(image string) (Image, error) {
	named, err := parse(image)
	if err != nil {
		return Image{}, &InvalidNameError{err}
	}
	repository := c.repository(short(named))
	if repository == nil {
		return Image{}, &UnlistedError{image}
	}
	tag := tagOf(named)
	if _, digested := named.(reference.Digested); !digested && !matches(repository.Tags, tag) {
		return Image{}, &UnknownTagError{image, repository.Name}
	}
	return Image{Repository: *repository, Reference: named.String(), Tag: tag}, nil
}

// repository finds the entry that a repository's name ends with; the longest counts.
func (c *Catalogue) repository(name string) *Repository {
	var best *Repository
	for index := range c.Repositories {
		entry := &c.Repositories[index]
		if (name == entry.Name || strings.HasSuffix(name, "/"+entry.Name)) && (best == nil || len(entry.Name) > len(best.Name)) {
			best = entry
		}
	}
	return best
}

// parse reads an image's name as container runtimes do: docker.io/library and the tag latest are implied.
func parse(image string) (reference.Named, error) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return nil, fmt.Errorf("couldn't parse image name %q: %w", image, err)
	}
	return reference.TagNameOnly(named), nil
}

// short is a repository's name without what is implied.
func short(named reference.Named) string { return reference.FamiliarName(named) }

func tagOf(named reference.Named) string {
	if tagged, ok := named.(reference.Tagged); ok {
		return tagged.Tag()
	}
	return ""
}

func matches(patterns []string, tag string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matched, err := path.Match(pattern, tag)
		return err == nil && matched
	})
}

// Digest is the image's ID: made from its name, so that it is the same whenever it is played.
func (i Image) Digest() string {
	name, digest, found := strings.Cut(i.Reference, "@")
	if !found {
		digest = fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(i.Reference)))
	}
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		name = name[:colon]
	}
	return name + "@" + digest
}

// Size is what the events say that the image weighs: tools a few megabytes, servers up to 276.
func (i Image) Size() int64 {
	sum := sha256.Sum256([]byte(i.Reference))
	size := 20_000_000 + int64(sum[0])*1_000_000 + int64(sum[1])*1_000
	if i.Exits != nil {
		return size / 40
	}
	return size
}

// RunsAs is the image's own user, as a number or a name; empty is root.
func (i Image) RunsAs() string {
	for pattern, user := range i.Users {
		if matches([]string{pattern}, i.Tag) {
			return user
		}
	}
	return i.User
}

// startDelay is how long the app needs until it listens, given its variables.
func (i Image) startDelay(env map[string]string) time.Duration {
	if i.Delay != "" && env[i.Delay] != "" {
		if delay, err := time.ParseDuration(env[i.Delay] + "s"); err == nil && delay >= 0 {
			return delay
		}
	}
	return i.Starts.Duration
}

// images is the list as it is now: read again when an image is not on it and the learner has changed it.
type images struct {
	dir     string
	mutex   sync.Mutex
	read    time.Time
	current *Catalogue
}

func openImages(dir string) (*images, error) {
	list := &images{dir: dir, read: changed(dir)}
	var err error
	list.current, err = LoadCatalogue(dir)
	return list, err
}

func changed(dir string) time.Time {
	info, err := os.Stat(filepath.Join(dir, additionsFile))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func (l *images) find(image string) (Image, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	found, err := l.current.Find(image)
	var invalid *InvalidNameError
	if err == nil || errors.As(err, &invalid) {
		return found, err
	}
	if now := changed(l.dir); !now.Equal(l.read) {
		if again, failure := LoadCatalogue(l.dir); failure == nil {
			l.current, l.read = again, now
			return l.current.Find(image)
		}
	}
	return found, err
}
