// Verifies a note, and proofs of a log, by the library of Go's checksum database. Reads a file of JSON, and prints what is wrong.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type asked struct {
	Vkey        string
	Note        string
	Root        []byte
	Size        int64
	Leaf        []byte
	Index       int64
	Inclusion   [][]byte
	From        int64
	FromRoot    []byte
	Consistency [][]byte
}

func main() {
	var cases []asked
	input, err := os.ReadFile(os.Args[1])
	check("input", err)
	check("input", json.Unmarshal(input, &cases))
	for _, c := range cases {
		verifier, err := note.NewVerifier(c.Vkey)
		check("key", err)
		opened, err := note.Open([]byte(c.Note), note.VerifierList(verifier))
		check("note", err)
		var origin string
		var size int64
		var root string
		_, err = fmt.Sscanf(opened.Text, "%s\n%d\n%s\n", &origin, &size, &root)
		check("text", err)
		if size != c.Size || root != hash(c.Root).String() || origin != verifier.Name() {
			check("text", fmt.Errorf("%q is another checkpoint", opened.Text))
		}
		check("inclusion", tlog.CheckRecord(hashes(c.Inclusion), c.Size, hash(c.Root), c.Index, tlog.RecordHash(c.Leaf)))
		check("consistency", tlog.CheckTree(hashes(c.Consistency), c.Size, hash(c.Root), c.From, hash(c.FromRoot)))
	}
	fmt.Printf("%d hold\n", len(cases))
}

func check(what string, err error) {
	if err != nil {
		fmt.Println(what, err)
		os.Exit(1)
	}
}

func hash(bytes []byte) (h tlog.Hash) {
	copy(h[:], bytes)
	return h
}

func hashes(all [][]byte) []tlog.Hash {
	var found []tlog.Hash
	for _, bytes := range all {
		found = append(found, hash(bytes))
	}
	return found
}
