// Command duck is the competitor: it runs one SQL file with DuckDB.
package main

import _ "github.com/duckdb/duckdb-go/v2"

func main() {}
