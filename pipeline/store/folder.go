package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Folder keeps each object as a plain file of the same path below one folder.
// A write that returned without error survives a power cut.
//
// An object is written to a temporary file and synced, and then gets its name:
// for Create by a hard link, which fails when the name is taken, so that one of
// many processes wins; for Replace by a rename. The folders above it are synced
// too. All of it lies on one file system, which must know hard links.
//
// A key cannot be an object and a folder of objects at once: ErrBadKey.
type Folder struct {
	root string

	mu     sync.Mutex
	synced map[string]fs.FileInfo // folders whose own name is known to be on disk
}

// tempFolder holds files that are being written. Its dot keeps it out of the
// keys; its presence tells a store from an empty mount point.
const tempFolder = ".tmp"

// InitFolder makes root and what a folder store needs in it, if they are not
// there, and opens it.
func InitFolder(root string) (*Folder, error) {
	if err := os.MkdirAll(filepath.Join(root, tempFolder), 0o777); err != nil {
		return nil, fmt.Errorf("make folder store %s: %w", root, diskError(err))
	}
	return OpenFolder(root)
}

// OpenFolder opens the folder store at root, which InitFolder has made, and
// removes what writers that were killed left there more than a day ago.
// ErrGone when it is not a folder store.
func OpenFolder(root string) (*Folder, error) {
	whole, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("open folder store %s: %v", root, err)
	}
	f := &Folder{root: whole, synced: map[string]fs.FileInfo{}}
	if err := f.present(); err != nil {
		return nil, fmt.Errorf("open folder store: %w", err)
	}
	if err := syncFolder(whole); err != nil {
		return nil, fmt.Errorf("open folder store %s: %w", root, diskError(err))
	}
	if err := f.sweep(); err != nil {
		return nil, fmt.Errorf("open folder store %s: remove old temporary files: %w", root, diskError(err))
	}
	return f, nil
}

// Name is part of Store.
func (f *Folder) Name() string { return "folder " + f.root }

// Create is part of Store.
func (f *Folder) Create(ctx context.Context, key string, body Body) error {
	return f.write(ctx, "create", key, body, os.Link)
}

// Replace is part of Store.
func (f *Folder) Replace(ctx context.Context, key string, body Body) error {
	return f.write(ctx, "replace", key, body, os.Rename)
}

// write makes a synced temporary file of body and gives it its name.
func (f *Folder) write(ctx context.Context, verb, key string, body Body, name func(from, to string) error) error {
	if err := checkCall(ctx, key); err != nil {
		return err
	}
	temp, err := f.writeTemp(body)
	if err == nil {
		defer os.Remove(temp) // after a rename there is nothing left to remove
		err = f.place(temp, f.path(key), name)
	}
	if err != nil {
		return f.fail(verb, key, err)
	}
	return nil
}

// place names the file temp target and syncs the folder. Deleting the last
// object of a folder removes the folder, so it may vanish under our hands.
func (f *Folder) place(temp, target string, name func(from, to string) error) error {
	const tries = 100
	var err error
	for range tries {
		if err = f.makeFolders(filepath.Dir(target)); err != nil {
			break
		}
		if err = name(temp, target); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	// Also when another writer won: our caller acts on its object, which must
	// not be lost with the power.
	syncErr := syncFolder(filepath.Dir(target))
	if syncErr != nil && !errors.Is(syncErr, fs.ErrNotExist) {
		return fmt.Errorf("%w: sync the folder: %v", ErrUnsettled, syncErr)
	}
	return err
}

// Open is part of Store.
func (f *Folder) Open(ctx context.Context, key string) (io.ReadCloser, Info, error) {
	file, err := f.open(ctx, key)
	if err != nil {
		return nil, Info{}, err
	}
	stat, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, Info{}, f.fail("open", key, err)
	}
	return file, Info{Key: key, Size: file.size, Modified: stat.ModTime()}, nil
}

// OpenAt is part of RandomAccess: it opens the file itself.
func (f *Folder) OpenAt(ctx context.Context, key string) (File, error) {
	file, err := f.open(ctx, key)
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (f *Folder) open(ctx context.Context, key string) (diskFile, error) {
	if err := checkCall(ctx, key); err != nil {
		return diskFile{}, err
	}
	path := f.path(key)
	// A folder of other objects is no object; opening a pipe would hang.
	if stat, err := os.Stat(path); err == nil && !stat.Mode().IsRegular() {
		return diskFile{}, fmt.Errorf("open %s in %s: %w", key, f.Name(), ErrNotFound)
	}
	file, err := os.Open(path)
	if err != nil {
		return diskFile{}, f.fail("open", key, err)
	}
	disk, err := diskFileOf(file)
	if err != nil {
		return diskFile{}, f.fail("open", key, err)
	}
	return disk, nil
}

// Delete is part of Store. It removes the folders that it leaves empty.
func (f *Folder) Delete(ctx context.Context, key string) error {
	if err := checkCall(ctx, key); err != nil {
		return err
	}
	path := f.path(key)
	stat, err := os.Lstat(path)
	if err == nil && stat.IsDir() {
		return nil // a folder of other objects: the key itself is not there
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		err = f.fail("delete", key, err)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	}
	if err := syncFolder(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f.fail("delete", key, err)
	}
	f.removeEmpty(filepath.Dir(path))
	return nil
}

// List is part of Store. Files whose names are no keys are passed over.
func (f *Folder) List(ctx context.Context, prefix string, fn func(Info) error) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	if err := f.present(); err != nil {
		return fmt.Errorf("list %s: %w", prefix, err)
	}
	start := prefix[:strings.LastIndexByte(prefix, '/')+1]
	return f.walk(ctx, start, prefix, fn)
}

// walk lists what begins with prefix below folder, which is "" or ends in "/".
func (f *Folder) walk(ctx context.Context, folder, prefix string, fn func(Info) error) error {
	entries, err := f.entries(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		key := folder + entry.name
		if !strings.HasPrefix(key, prefix) && !strings.HasPrefix(prefix, key) {
			continue
		}
		if strings.HasSuffix(key, "/") {
			err = f.walk(ctx, key, prefix, fn)
		} else if strings.HasPrefix(key, prefix) {
			err = f.visit(key, entry, fn)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *Folder) visit(key string, entry folderEntry, fn func(Info) error) error {
	stat, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted since
	}
	if err != nil {
		return f.fail("list", key, err)
	}
	return fn(Info{Key: key, Size: stat.Size(), Modified: stat.ModTime()})
}

type folderEntry struct {
	fs.DirEntry
	name string // with "/" at the end of a folder
}

// entries returns what folder holds in the order of keys: "a-b" stands before
// "a/b", so folders are sorted with their slash.
func (f *Folder) entries(folder string) ([]folderEntry, error) {
	read, err := os.ReadDir(f.path(folder))
	if errors.Is(err, fs.ErrNotExist) || isNotFolder(err) {
		return nil, nil
	}
	if err != nil {
		return nil, f.fail("list", folder, err)
	}
	var entries []folderEntry
	for _, entry := range read {
		name := entry.Name()
		if segmentFault(name) != "" || (!entry.IsDir() && !entry.Type().IsRegular()) {
			continue
		}
		if entry.IsDir() {
			name += "/"
		}
		entries = append(entries, folderEntry{entry, name})
	}
	slices.SortFunc(entries, func(a, b folderEntry) int { return cmp.Compare(a.name, b.name) })
	return entries, nil
}

func (f *Folder) path(key string) string {
	return filepath.Join(f.root, filepath.FromSlash(key))
}
