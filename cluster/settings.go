package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// settings are what a cluster keeps between runs, besides its ports, certificates and database.
type settings struct {
	// Context is the name of its context and cluster in kubeconfigs.
	Context string `json:"context"`
	// Kubernetes is the version that last opened the database.
	Kubernetes string `json:"kubernetes"`
	// Program says which build of this program the components were started from.
	Program string  `json:"program"`
	Merged  *merged `json:"merged,omitempty"`
}

// readJSON fills value from a file in the cluster's folder; a file that is not there, or was cut off by a power failure, leaves it as it is.
func (c *cluster) readJSON(name string, value any) error {
	data, err := os.ReadFile(filepath.Join(c.dir, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ENAMETOOLONG):
		return c.notWritable(err)
	case err != nil:
		return fmt.Errorf("%s cannot be read: %w", c.dir, cause(err))
	}
	if json.Unmarshal(data, value) != nil {
		fmt.Fprintf(os.Stderr, "%s is damaged and is written anew.\n", filepath.Join(c.dir, name))
	}
	return nil
}

func (c *cluster) writeJSON(name string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(c.dir, name), append(data, '\n'), 0o600)
}

func (c *cluster) saveSettings() error { return c.writeJSON("settings.json", c.settings) }

// replaceFile writes a file so that it is the old or the new one at every moment, never half of it.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(data)
	if err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// cause is the bare reason of a file error, without the call and the path.
func cause(err error) error {
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
