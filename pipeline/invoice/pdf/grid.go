package pdf

// grid is a table whose last column is set to the right. All rows have as
// many cells as there are heads.
type grid struct {
	title string
	heads []string
	rows  [][]string
	total []string // none: the table has no total
}

// Measures of a table, in millimetres.
const (
	lineStep = 4.3 // between the lines of one row
	rowStep  = 6.0 // from the last line of a row to the next row
	gap      = 6.0 // between columns
)

// table draws a table. Over pages it repeats the head; a row that is longer
// than the page goes on over the next.
func (s *sheet) table(t grid) {
	cols := s.columns(t)
	s.room(5 * rowStep)
	s.ink(accent)
	s.draw(left, s.y, t.title, section)
	s.y += 7
	s.tableHead(t, cols)
	for i, row := range t.rows {
		if i == len(t.rows)-1 && s.room(2*rowStep) {
			s.tableHead(t, cols) // the last row stays with the total
		}
		s.row(t, cols, row, plain)
		s.rule(s.y-4.2, hair, 0.15)
	}
	s.rule(s.y-4.2, accent, 0.4)
	if t.total != nil {
		s.row(t, cols, t.total, strong)
	}
}

// column is where the cells of a column stand.
type column struct {
	x, width float64
}

// columns gives the last column what its widest text needs, and shares the
// rest out equally.
func (s *sheet) columns(t grid) []column {
	last := len(t.heads) - 1
	widest := s.width(t.heads[last], strong)
	if t.total != nil {
		widest = max(widest, s.width(t.total[last], strong))
	}
	for _, row := range t.rows {
		widest = max(widest, s.width(row[last], plain))
	}
	each := (right - left - widest) / float64(last)
	cols := make([]column, len(t.heads))
	for i := range last {
		cols[i] = column{left + float64(i)*each, each - gap}
	}
	cols[last] = column{right - widest, widest}
	return cols
}

func (s *sheet) tableHead(t grid, cols []column) {
	s.ink(grey)
	last := len(t.heads) - 1
	for i, h := range t.heads[:last] {
		s.draw(cols[i].x, s.y, h, strong)
	}
	s.drawRight(right, s.y, t.heads[last], strong)
	s.rule(s.y+1.9, accent, 0.4)
	s.y += rowStep
	s.ink(black)
}

// row draws one row, its cells broken into lines, and repeats the head of the
// table when it comes to a new page.
func (s *sheet) row(t grid, cols []column, cells []string, f font) {
	last := len(cells) - 1
	lines := make([][]string, last)
	height := 1
	for i, cell := range cells[:last] {
		lines[i] = s.wrap(visible(cell), f, cols[i].width)
		height = max(height, len(lines[i]))
	}
	for n := range height {
		if s.room(lineStep) {
			s.tableHead(t, cols)
		}
		for i := range lines {
			if n < len(lines[i]) {
				s.draw(cols[i].x, s.y, lines[i][n], f)
			}
		}
		if n == 0 {
			s.drawRight(right, s.y, cells[last], f)
		}
		s.y += lineStep
	}
	s.y += rowStep - lineStep
}
