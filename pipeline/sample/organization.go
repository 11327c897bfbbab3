package sample

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"time"

	"github.com/monthend/monthend/schema"
	"github.com/monthend/monthend/schema/money"
)

// wonEvery says that every third payer belongs to the issuer in Seoul.
const wonEvery = 3

// payer is an organization while it is being made.
type payer struct {
	index    int // in world.org.Payers
	won      bool
	period   schema.Period // of its issuer
	accounts []account
}

// account is a usage account and what its resources have in common.
type account struct {
	id       string
	payer    *payer
	team     team
	env      string
	joined   schema.Hour // not before the period's first hour
	weight   uint64      // of its share of the records
	tags     []*tagSet   // one per application
	untagged bool        // a team that never learned to tag
}

// team is a group of people who own accounts: its name in words, and the short
// form that goes into tags and resource names.
type team struct{ name, korean, slug, center string }

var teams = []team{
	{"Web shop", "웹상점", "web-shop", "CC-1100"},
	{"Payments", "결제", "payments", "CC-1200"},
	{"Search", "검색", "search", "CC-1110"},
	{"Data platform", "데이터 플랫폼", "data-platform", "CC-2100"},
	{"Mobile app", "모바일 앱", "mobile-app", "CC-1120"},
	{"Machine learning", "머신러닝", "machine-learning", "CC-2200"},
	{"Warehouse", "물류창고", "warehouse", "CC-3100"},
	{"Customer support", "고객지원", "customer-support", "CC-4100"},
	{"Identity", "인증", "identity", "CC-5100"},
	{"Observability", "모니터링", "observability", "CC-5200"},
	{"Networking", "네트워크", "networking", "CC-5300"},
	{"Security", "보안", "security", "CC-5400"},
	{"Reporting", "리포트", "reporting", "CC-2300"},
	{"Marketing site", "마케팅 사이트", "marketing-site", "CC-4200"},
	{"Internal tools", "사내도구", "internal-tools", "CC-6100"},
	{"Integration", "연동", "integration", "CC-1210"},
	{"Notifications", "알림", "notifications", "CC-1130"},
	{"Catalog", "카탈로그", "catalog", "CC-1140"},
	{"Logistics", "배송", "logistics", "CC-3200"},
	{"Sandbox", "실험실", "sandbox", "CC-9000"},
}

var environments = []string{"production", "staging", "development"}

// companies are the payers' lines of business, in English and Korean.
var companies = [][2]string{{"Retail", "리테일"}, {"Logistics", "물류"}, {"Media", "미디어"}, {"Energy", "에너지"}, {"Travel", "여행"},
	{"Education", "교육"}, {"Games", "게임"}, {"Research", "연구소"}, {"Bank", "은행"}, {"Farms", "농장"}}

// found makes issuers, payers and accounts.
func (w *world) found(rng *rand.Rand) error {
	w.org.Issuers = []schema.Issuer{usdIssuer()}
	if w.opt.Organizations >= wonEvery {
		w.org.Issuers = append(w.org.Issuers, wonIssuer())
	}
	periods := make([]schema.Period, len(w.org.Issuers))
	for i, issuer := range w.org.Issuers {
		zone, err := issuer.Location()
		if err != nil {
			return err
		}
		if periods[i], err = schema.ParsePeriod(w.period.Name, zone); err != nil {
			return err
		}
	}
	sizes := split(w.opt.Accounts, w.opt.Organizations, 2, func(i int) uint64 { return uint64(w.opt.Organizations - i) })
	used := map[string]bool{}
	w.payers = make([]payer, w.opt.Organizations)
	for i := range w.payers {
		p := &w.payers[i]
		p.index, p.won, p.period = i, i%wonEvery == wonEvery-1, periods[0]
		issuer := w.org.Issuers[0].ID
		if p.won {
			p.period, issuer = periods[1], w.org.Issuers[1].ID
		}
		w.org.Payers = append(w.org.Payers, p.recruit(rng, sizes[i], issuer, used))
	}
	w.first, w.end = hourOf(periods[0].Start), hourOf(periods[0].End)
	for _, p := range periods[1:] {
		w.first, w.end = min(w.first, hourOf(p.Start)), max(w.end, hourOf(p.End))
	}
	return nil
}

func hourOf(t time.Time) schema.Hour { return schema.HourOf(t.UnixNano()) }

func usdIssuer() schema.Issuer {
	return schema.Issuer{ID: "example-cloud", Name: "Example Cloud Inc.", Address: []string{"1 Example Way", "Springfield 00000"},
		TaxID: "00-0000000", TimeZone: "UTC", Currency: money.Currency("USD"), InvoicePrefix: "EXC-", InvoiceDigits: 8, PaymentTermsDays: 30}
}

func wonIssuer() schema.Issuer {
	return schema.Issuer{ID: "example-cloud-korea", Name: "예시클라우드코리아 주식회사", Address: []string{"서울특별시 예시구 예시로 1"},
		TaxID: "000-00-00000", TimeZone: "Asia/Seoul", Currency: money.Currency("KRW"), InvoicePrefix: "EXK-", InvoiceDigits: 8, PaymentTermsDays: 30}
}

// company names a payer, with a number once the names are used up.
func (p *payer) company() string {
	business := companies[p.index%len(companies)]
	name := "Example " + business[0]
	if p.won {
		name = "예시" + business[1]
	}
	if n := p.index / len(companies); n > 0 {
		name = fmt.Sprintf("%s %d", name, n+1)
	}
	return name
}

// id is that of the payer's own account.
func (p *payer) id() string { return p.accounts[0].id }

// monthHours is how many hours the month of the payer's issuer has.
func (p *payer) monthHours() int64 { return int64(hourOf(p.period.End) - hourOf(p.period.Start)) }

// country is where the payer owes tax; see taxes.
func (p *payer) country() string {
	switch {
	case p.won:
		return "KR"
	case p.index%wonEvery == 0:
		return "IE"
	}
	return "DE"
}

func (p *payer) address() []string {
	number := 10 + p.index
	switch p.country() {
	case "KR":
		return []string{fmt.Sprintf("서울특별시 예시구 견본로 %d", number)}
	case "DE":
		return []string{fmt.Sprintf("Musterstraße %d", number), "00000 Musterstadt"}
	}
	return []string{fmt.Sprintf("%d Sample Street", number), "Sampletown"}
}

// recruit makes the payer's n accounts, its own first, and returns the payer as
// the organization file has it.
func (p *payer) recruit(rng *rand.Rand, n int, issuer string, used map[string]bool) schema.Payer {
	name := p.company()
	p.accounts = make([]account, n)
	out := schema.Payer{Name: name, Issuer: issuer, Address: p.address(), Country: p.country(),
		Email: fmt.Sprintf("finance%d@example.com", p.index+1), Billing: []string{fmt.Sprintf("billing%d@example.com", p.index+1)}}
	for k := range p.accounts {
		a := &p.accounts[k]
		a.id, a.payer = newAccountID(rng, used), p
		a.hire(rng, k)
		joined := a.join(rng, k)
		out.Accounts = append(out.Accounts, schema.Account{ID: a.id, Name: a.title(name, k), From: joined})
	}
	out.AccountID = p.accounts[0].id
	return out
}

func newAccountID(rng *rand.Rand, used map[string]bool) string {
	for {
		id := fmt.Sprintf("%012d", 100_000_000_000+rng.Uint64N(900_000_000_000))
		if !used[id] {
			used[id] = true
			return id
		}
	}
}

// hire gives account k its team, environment and weight. The first teams are the
// busiest and production is busier than the rest, so that a few accounts cost
// most, as everywhere.
func (a *account) hire(rng *rand.Rand, k int) {
	if k == 0 {
		a.team, a.env, a.weight = team{"Management", "관리", "management", "CC-0001"}, "production", 8_000
	} else {
		i := (k - 1) / len(environments)
		a.team, a.env = teams[i%len(teams)], environments[(k-1)%len(environments)]
		a.weight = 1_000_000 / uint64(k+4) / uint64(1+(k-1)%len(environments))
	}
	a.untagged = rng.Uint64N(100) < 6
	for app := range 2 + rng.IntN(3) {
		a.tags = append(a.tags, newTagSet(a, app))
	}
}

// join decides when account k became a member: one in sixteen in the middle of
// the month, at midnight of its issuer's zone, the others before.
func (a *account) join(rng *rand.Rand, k int) time.Time {
	a.joined = hourOf(a.payer.period.Start)
	if k < 3 || rng.Uint64N(16) != 0 {
		return time.Time{}
	}
	a.joined += schema.Hour(24 * (3 + rng.IntN(15)))
	return a.joined.Time()
}

func (a *account) title(company string, k int) string {
	name := a.team.name
	if a.payer.won {
		name = a.team.korean
	}
	if k == 0 {
		return company + ", " + name
	}
	if n := (k - 1) / len(environments) / len(teams); n > 0 {
		name = fmt.Sprintf("%s %d", name, n+1)
	}
	return company + ", " + name + ", " + a.env
}

// split shares total over n parts by weight, exactly; each part gets at least
// least, as long as there is enough.
func split(total, n, least int, weight func(i int) uint64) []int {
	parts := make([]int, n)
	least = min(least, total/n)
	rest, sum := uint64(total-least*n), uint64(0)
	for i := range parts {
		sum += weight(i)
	}
	var done, given uint64
	for i := range parts {
		done += weight(i)
		hi, lo := bits.Mul64(rest, done)
		upTo, _ := bits.Div64(hi, lo, sum)
		parts[i] = least + int(upTo-given)
		given = upTo
	}
	return parts
}
