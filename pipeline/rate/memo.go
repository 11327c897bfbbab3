package rate

// memo remembers answers, and above all the last one: records of one resource,
// which ask the same, come one after the other.
type memo[K comparable, V any] struct {
	all   map[K]V
	key   K
	value V
	known bool // there is a last one
}

func newMemo[K comparable, V any]() memo[K, V] { return memo[K, V]{all: map[K]V{}} }

func (m *memo[K, V]) find(key K) (V, bool) {
	if m.known && m.key == key {
		return m.value, true
	}
	value, ok := m.all[key]
	if ok {
		m.key, m.value, m.known = key, value, true
	}
	return value, ok
}

func (m *memo[K, V]) add(key K, value V) {
	m.all[key] = value
	m.key, m.value, m.known = key, value, true
}
