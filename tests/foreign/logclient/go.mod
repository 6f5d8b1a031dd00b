// The two packages come from the Go installation itself (src/cmd/vendor); the test copies them beside this
// file into a temporary folder. Nothing is downloaded.
module logclient

go 1.19

require (
	golang.org/x/crypto v0.0.0
	golang.org/x/mod v0.0.0
)

replace (
	golang.org/x/crypto => ./x/crypto
	golang.org/x/mod => ./x/mod
)
