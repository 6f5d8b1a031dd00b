// Logclient checks a Sunbid log with an implementation that is not ours: the note and tlog packages of
// Go's checksum database. It knows only docs/formats/log.md and the C2SP specifications.
//
// Usage: logclient -key VKEY -log DIR-OR-URL [-follow] [-old CHECKPOINT -proof FILE] [-object FILE -receipt FILE]
//
// With -follow it reads the log's changes of key and is led by them from VKEY to the log's other keys.
//
// It prints one line for each thing that holds and ends with status 1 at the first that does not.
//
// SPDX-License-Identifier: Apache-2.0
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

func main() {
	key := flag.String("key", "", "verifier key of the log")
	prefix := flag.String("log", "", "folder or http address of the log")
	old := flag.String("old", "", "file of an earlier checkpoint")
	proof := flag.String("proof", "", "file with the consistency proof from -old, one base64 hash a line")
	object := flag.String("object", "", "file of a logged object")
	receipt := flag.String("receipt", "", "its receipt")
	follow := flag.Bool("follow", false, "follow the log's changes of key")
	flag.Parse()
	if err := run(*key, source(*prefix), *follow, *old, *proof, *object, *receipt); err != nil {
		fmt.Println("FAIL", err)
		os.Exit(1)
	}
}

func run(key string, src source, follow bool, old, proof, object, receipt string) error {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	known := keys{all: []note.Verifier{verifier}}
	if follow {
		if known, err = followKeys(verifier, src); err != nil {
			return fmt.Errorf("rotation: %w", err)
		}
	}
	raw, err := src.get("checkpoint")
	if err != nil {
		return err
	}
	head, err := openCheckpoint(raw, known)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	fmt.Printf("ok checkpoint of %d leaves\n", head.N)
	hashes := tlog.TileHashReader(head, tiles{src})
	if err := checkTiles(head, hashes); err != nil {
		return fmt.Errorf("tiles: %w", err)
	}
	if err := checkRotations(head, src, hashes, known); err != nil {
		return fmt.Errorf("rotation: %w", err)
	}
	if err := checkEntries(head, src, hashes); err != nil {
		return fmt.Errorf("entries: %w", err)
	}
	if old != "" {
		if err := checkConsistency(head, hashes, known, old, proof); err != nil {
			return fmt.Errorf("consistency: %w", err)
		}
	}
	if receipt != "" {
		if err := checkReceipt(head, hashes, known, object, receipt); err != nil {
			return fmt.Errorf("receipt: %w", err)
		}
	}
	return nil
}

// A source is the prefix under which a log is found.
type source string

func (s source) get(path string) ([]byte, error) {
	if !strings.HasPrefix(string(s), "http://") && !strings.HasPrefix(string(s), "https://") {
		return os.ReadFile(filepath.Join(string(s), filepath.FromSlash(path)))
	}
	answer, err := http.Get(strings.TrimSuffix(string(s), "/") + "/" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// tiles reads tiles by their C2SP names, which leave out the height that Go's own names have.
type tiles struct{ source }

func (t tiles) Height() int { return tileHeight }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		data, err := t.get(strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", tile.Path(), len(data))
		}
		found = append(found, data)
	}
	return found, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// A rotation is the end of one key's term and the beginning of the next one's.
type rotation struct {
	raw      string
	old, new note.Verifier
	tree     tlog.Tree
}

// keys are the log's keys and when each of them was its key.
type keys struct {
	all       []note.Verifier
	rotations []rotation
}

// allows says whether the key with this hash was the log's key at this tree.
func (k keys) allows(hash uint32, tree tlog.Tree) bool {
	for _, change := range k.rotations {
		isOld, isNew := hash == change.old.KeyHash(), hash == change.new.KeyHash()
		if isOld && tree.N > change.tree.N || isNew && tree.N < change.tree.N {
			return false
		}
		if (isOld || isNew) && tree.N == change.tree.N && tree.Hash != change.tree.Hash {
			return false
		}
	}
	return true
}

// followKeys reads docs/formats/log.md section 10: notes with an empty line between them, each signed with both keys.
func followKeys(start note.Verifier, src source) (keys, error) {
	text, err := src.get("rotations")
	if err != nil {
		return keys{}, err
	}
	found := keys{all: []note.Verifier{start}}
	if len(text) == 0 {
		return found, nil
	}
	led := false
	parts := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n\n")
	for at := 0; at+1 < len(parts); at += 2 {
		change, err := openRotation(parts[at] + "\n\n" + parts[at+1] + "\n")
		if err != nil {
			return keys{}, err
		}
		if last := len(found.rotations); last > 0 {
			before := found.rotations[last-1]
			if before.new.KeyHash() != change.old.KeyHash() || before.tree.N >= change.tree.N {
				return keys{}, errors.New("the changes are not a chain")
			}
		}
		led = led || change.old.KeyHash() == start.KeyHash() || change.new.KeyHash() == start.KeyHash()
		found.rotations = append(found.rotations, change)
	}
	if !led {
		return keys{}, errors.New("the changes do not lead from the key that we know")
	}
	found.all = []note.Verifier{found.rotations[0].old}
	for _, change := range found.rotations {
		found.all = append(found.all, change.new)
	}
	return found, nil
}

func openRotation(raw string) (rotation, error) {
	lines := strings.Split(raw, "\n")
	if len(lines) < 7 || lines[0] != "sunbid/log-rotation/v1" || lines[6] != "" {
		return rotation{}, errors.New("not a rotation note")
	}
	before, err := note.NewVerifier(lines[2])
	if err != nil {
		return rotation{}, err
	}
	after, err := note.NewVerifier(lines[3])
	if err != nil {
		return rotation{}, err
	}
	if before.Name() != lines[1] || after.Name() != lines[1] {
		return rotation{}, errors.New("a key of another log")
	}
	opened, err := note.Open([]byte(raw), note.VerifierList(before, after))
	if err != nil {
		return rotation{}, err
	}
	if len(opened.Sigs) != 2 {
		return rotation{}, errors.New("not signed with both keys")
	}
	size, err := strconv.ParseInt(lines[4], 10, 64)
	if err != nil {
		return rotation{}, err
	}
	root, err := tlog.ParseHash(lines[5])
	return rotation{raw: raw, old: before, new: after, tree: tlog.Tree{N: size, Hash: root}}, err
}

// checkRotations makes the root at every change of key from the tiles, opens the checkpoint that both keys signed,
// and proves that the note is itself in the log.
func checkRotations(head tlog.Tree, src source, hashes tlog.HashReader, known keys) error {
	for _, change := range known.rotations {
		root, err := tlog.TreeHash(change.tree.N, hashes)
		if err != nil {
			return err
		}
		if root != change.tree.Hash {
			return fmt.Errorf("at %d the log has another root", change.tree.N)
		}
		place := "rotation/" + strconv.FormatInt(change.tree.N, 10)
		raw, err := src.get(place + "/checkpoint")
		if err != nil {
			return err
		}
		first, err := note.Open(raw, note.VerifierList(change.old, change.new))
		if err != nil {
			return err
		}
		if len(first.Sigs) != 2 {
			return errors.New("the first checkpoint of the new key is not signed with both")
		}
		if tree, err := openCheckpoint(raw, known); err != nil || tree != change.tree {
			return errors.New("the first checkpoint of the new key is of another tree")
		}
		proof, err := src.get(place + "/proof")
		if err != nil {
			return err
		}
		if err := proveReceipt(head, hashes, known, []byte(change.raw), proof); err != nil {
			return err
		}
		fmt.Printf("ok rotation at %d\n", change.tree.N)
	}
	return nil
}

func openCheckpoint(raw []byte, known keys) (tlog.Tree, error) {
	opened, err := note.Open(raw, note.VerifierList(known.all...))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != known.all[0].Name() {
		return tlog.Tree{}, errors.New("not the text of a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, err
	}
	tree := tlog.Tree{N: size, Hash: root}
	for _, line := range opened.Sigs {
		if known.allows(line.Hash, tree) {
			return tree, nil
		}
	}
	return tlog.Tree{}, errors.New("signed only with a key that was not the log's key then")
}

// checkTiles recomputes the root from the tiles and proves a spread of leaves.
func checkTiles(head tlog.Tree, hashes tlog.HashReader) error {
	root, err := tlog.TreeHash(head.N, hashes)
	if err != nil {
		return err
	}
	if root != head.Hash {
		return errors.New("the root does not follow from the tiles")
	}
	proved := 0
	for index := int64(0); index < head.N; index += 1 + head.N/97 {
		leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		if err != nil {
			return err
		}
		path, err := tlog.ProveRecord(head.N, index, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(path, head.N, head.Hash, index, leaf[0]); err != nil {
			return err
		}
		proved++
	}
	fmt.Printf("ok tiles: root and %d inclusion proofs\n", proved)
	return nil
}

// checkEntries hashes every entry of the log, compares it with its tile and builds the whole tree anew.
func checkEntries(head tlog.Tree, src source, hashes tlog.HashReader) error {
	var stored []tlog.Hash
	own := tlog.HashReaderFunc(func(wanted []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range wanted {
			found = append(found, stored[index])
		}
		return found, nil
	})
	var index int64
	for bundle := int64(0); index < head.N; bundle++ {
		tile := tlog.Tile{H: tileHeight, L: 0, N: bundle, W: 1 << tileHeight}
		if rest := head.N - index; rest < int64(tile.W) {
			tile.W = int(rest)
		}
		data, err := src.get(strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1))
		if err != nil {
			return err
		}
		for range make([]struct{}, tile.W) {
			if len(data) < 2 || len(data) < 2+int(data[0])<<8+int(data[1]) {
				return fmt.Errorf("bundle %d is cut short", bundle)
			}
			end := 2 + int(data[0])<<8 + int(data[1])
			leaf := tlog.RecordHash(data[2:end])
			data = data[end:]
			more, err := tlog.StoredHashesForRecordHash(index, leaf, own)
			if err != nil {
				return err
			}
			stored = append(stored, more...)
			index++
		}
		if len(data) != 0 {
			return fmt.Errorf("bundle %d has bytes to spare", bundle)
		}
	}
	root, err := tlog.TreeHash(head.N, own)
	if err != nil {
		return err
	}
	if root != head.Hash {
		return errors.New("the root does not follow from the entries")
	}
	fmt.Printf("ok entries: %d hashed\n", index)
	return nil
}

// checkConsistency checks an earlier checkpoint with a proof that Go makes from the tiles, and with ours.
func checkConsistency(head tlog.Tree, hashes tlog.HashReader, known keys, old, proof string) error {
	raw, err := os.ReadFile(old)
	if err != nil {
		return err
	}
	before, err := openCheckpoint(raw, known)
	if err != nil {
		return err
	}
	made, err := tlog.ProveTree(head.N, before.N, hashes)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(made, head.N, head.Hash, before.N, before.Hash); err != nil {
		return err
	}
	text, err := os.ReadFile(proof)
	if err != nil {
		return err
	}
	given, err := hashLines(strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"))
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(given, head.N, head.Hash, before.N, before.Hash); err != nil {
		return err
	}
	fmt.Printf("ok consistency from %d to %d\n", before.N, head.N)
	return nil
}

// checkReceipt reads a receipt by its documentation, computes the leaf from the object, and checks both the
// proof inside and that the leaf is where the receipt says in the log as it is now.
func checkReceipt(head tlog.Tree, hashes tlog.HashReader, known keys, object, receipt string) error {
	content, err := os.ReadFile(object)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(receipt)
	if err != nil {
		return err
	}
	return proveReceipt(head, hashes, known, content, raw)
}

// proveReceipt does so for the bytes of both.
func proveReceipt(head tlog.Tree, hashes tlog.HashReader, known keys, content, raw []byte) error {
	front, back, found := bytes.Cut(raw, []byte("\n\n"))
	lines := strings.Split(string(front), "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" ||
		!strings.HasPrefix(lines[1], "extra ") || !strings.HasPrefix(lines[2], "index ") {
		return errors.New("not a receipt")
	}
	leaf, err := leafOf(content, lines[1][len("extra "):])
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(lines[2][len("index "):], 10, 64)
	if err != nil {
		return err
	}
	path, err := hashLines(lines[3:])
	if err != nil {
		return err
	}
	then, err := openCheckpoint(back, known)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(path, then.N, then.Hash, index, leaf); err != nil {
		return err
	}
	now, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return err
	}
	if now[0] != leaf {
		return errors.New("the log has another leaf there")
	}
	fmt.Printf("ok receipt for leaf %d\n", index)
	return nil
}

// leafOf follows docs/formats/log.md from an object and the extra line of its receipt to the leaf hash.
func leafOf(content []byte, extra string) (tlog.Hash, error) {
	var opening struct {
		Blind string `json:"blind"`
		Kind  byte   `json:"kind"`
		M     string `json:"m"`
	}
	text, err := base64.StdEncoding.DecodeString(extra)
	if err != nil {
		return tlog.Hash{}, err
	}
	if err := json.Unmarshal(text, &opening); err != nil {
		return tlog.Hash{}, err
	}
	blind, err := base64.RawURLEncoding.DecodeString(opening.Blind)
	if err != nil {
		return tlog.Hash{}, err
	}
	id := sha256.Sum256(content)
	if base64.RawURLEncoding.EncodeToString(id[:]) != opening.M {
		return tlog.Hash{}, errors.New("the receipt is for another object")
	}
	c := sha256.New()
	c.Write([]byte("etrade/leaf/v1\n"))
	c.Write(blind)
	c.Write([]byte{opening.Kind})
	c.Write(id[:])
	entry := `{"c":"` + base64.RawURLEncoding.EncodeToString(c.Sum(nil)) + `","typ":"etrade/leaf/v1"}`
	return tlog.RecordHash([]byte(entry)), nil
}

func hashLines(lines []string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, line := range lines {
		if line == "" {
			continue
		}
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}
