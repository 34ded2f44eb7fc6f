// RUN: not tf2c-opt %s -p 'choose-terms{terms_per_mac=2.5}' 2>&1 | filecheck %s --check-prefix=TERMS
// RUN: not tf2c-opt %s -p choose-terms 2>&1 | filecheck %s --check-prefix=ALONE

// A weight has one or two terms.
// TERMS:      error: expected 1 to 2 terms per multiplication, got 2.5
// TERMS-NOT:  {{.}}

// ALONE:      error: expected the float network to compare with, got none
// ALONE-NEXT: hint: run `convert-graph-to-int8` in the same pipeline
// ALONE-NOT:  {{.}}
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> {
  func.return %x : tensor<?x2x1x1xf32>
}
