// RUN: not tf2c-opt %s -p round-weights-compensated 2>&1 | filecheck %s --check-prefix=ALONE
// RUN: not tf2c-opt %s -p 'round-weights-compensated{weights=shift3}' 2>&1 | filecheck %s --check-prefix=FORM

// Targets come from the float network, which the conversion to int8 leaves in the context.
// ALONE:      error: expected the float network to compare with, got none
// ALONE-NEXT: hint: run `convert-graph-to-int8` in the same pipeline
// ALONE-NOT:  {{.}}

// FORM:      error: expected weights of int8, shift1, shift2, got `shift3`
// FORM-NOT:  {{.}}
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> {
  func.return %x : tensor<?x2x1x1xf32>
}
