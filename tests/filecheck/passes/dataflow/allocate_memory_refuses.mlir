// RUN: not tf2c-opt %s -p convert-shift-to-dataflow,allocate-memory 2>&1 | filecheck %s --check-prefix=LARGE
// RUN: not tf2c-opt %s -p allocate-memory 2>&1 | filecheck %s --check-prefix=ENGINE

// Addresses have 31 bits, and how much an image takes depends on the engine.

// LARGE-NOT:  Traceback
// LARGE:      error: expected less than 2147483648 bytes of features, got 80000000000
// LARGE-NEXT: hint: use smaller images
// LARGE-NOT:  {{.}}

// ENGINE-NOT: Traceback
// ENGINE:     error: expected one `dataflow.engine` in the module, got none
// ENGINE-NOT: a bug of tf2c

func.func @main(%f: tensor<?x1x100000x100000xf32>) -> tensor<?x1x100000x100000xi8, #int8.pow2<-6>> {
  %q = int8.quantize %f : tensor<?x1x100000x100000xf32> -> tensor<?x1x100000x100000xi8, #int8.pow2<-6>>
  func.return %q : tensor<?x1x100000x100000xi8, #int8.pow2<-6>>
}
