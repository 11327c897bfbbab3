package sample

import (
	"fmt"
	"strings"

	"github.com/monthend/monthend/schema"
)

// tagSet is a set of tags, rendered once because thousands of records share it.
type tagSet struct {
	tags []schema.Tag // in a fixed order
	json string       // an object
	csv  string       // the object as a quoted CSV field
}

var apps = []string{"api", "web", "worker", "batch", "admin", "gateway", "etl"}

var dataClasses = []string{"public", "internal", "confidential"}

// newTagSet returns the tags of an account's application: none where the team
// does not tag, otherwise three to six.
func newTagSet(a *account, app int) *tagSet {
	t := &tagSet{}
	if !a.untagged {
		name := a.team.name
		if a.payer.won {
			name = a.team.korean
		}
		t.tags = append(t.tags, schema.Tag{Key: "team", Value: name}, schema.Tag{Key: "env", Value: a.env},
			schema.Tag{Key: "app", Value: a.team.slug + "-" + apps[app%len(apps)]})
		if app != 2 {
			t.tags = append(t.tags, schema.Tag{Key: "cost-center", Value: a.team.center})
		}
		if app%2 == 0 {
			t.tags = append(t.tags, schema.Tag{Key: "data-class", Value: dataClasses[len(a.team.slug)%len(dataClasses)]})
		}
		if app == 0 && a.env == "production" {
			t.tags = append(t.tags, schema.Tag{Key: "on-call", Value: "yes"})
		}
	}
	t.render()
	return t
}

// render spells the object. %q is JSON here because the words above hold no
// control characters.
func (t *tagSet) render() {
	parts := make([]string, len(t.tags))
	for i, tag := range t.tags {
		parts[i] = fmt.Sprintf("%q:%q", tag.Key, tag.Value)
	}
	t.json = "{" + strings.Join(parts, ",") + "}"
	t.csv = `"` + strings.ReplaceAll(t.json, `"`, `""`) + `"`
}
