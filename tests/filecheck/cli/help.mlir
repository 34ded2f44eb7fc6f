// RUN: tf2c-opt --help | filecheck %s

// The passes are listed stage by stage in running order, with contract and purpose, unwrapped.

// CHECK:      passes of stage graph: simplify the network
// CHECK-NEXT:   drop-output-softmax {{ +}}approximate {{ +}}
// CHECK-NEXT:   remove-identities {{ +}}exact {{ +}}
// CHECK-NEXT:   fold-padding {{ +}}exact {{ +}}
// CHECK-NEXT:   fold-batch-norm {{ +}}equivalent {{ +}}Fold batch normalization into the weights of the layer in front of it.
// CHECK-NEXT:   hoist-activations {{ +}}exact {{ +}}
// CHECK-NEXT:   fuse-residual-add {{ +}}equivalent {{ +}}
// CHECK-NEXT:   insert-identity-convolutions {{ +}}equivalent {{ +}}
// CHECK-NEXT:   fuse-activation {{ +}}exact {{ +}}
// CHECK-NEXT: passes of stage prepare: let channels use the numbers that storage has
// CHECK-NEXT:   equalize-channels {{ +}}approximate {{ +}}
// CHECK-NEXT:   absorb-biases {{ +}}equivalent {{ +}}
// CHECK-NEXT: passes of stage int8: store activations and weights
// CHECK-NEXT:   choose-scales {{ +}}analysis {{ +}}
// CHECK-NEXT:   convert-graph-to-int8 {{ +}}approximate {{ +}}
// CHECK-NEXT: passes of stage shift: make every weight a signed power of two
// CHECK-NEXT:   round-weights-compensated {{ +}}approximate {{ +}}
// CHECK-NEXT:   prove-accumulators {{ +}}analysis {{ +}}
// CHECK-NEXT:   convert-int8-to-shift {{ +}}exact {{ +}}
// CHECK-NEXT: passes of stage dataflow: lay the network out as jobs of an engine
// CHECK-NEXT:   convert-shift-to-dataflow {{ +}}exact {{ +}}
// CHECK-NEXT:   fold-first-layer {{ +}}exact {{ +}}
// CHECK-NEXT:   fuse-branches {{ +}}exact {{ +}}
// CHECK-NEXT:   order-jobs {{ +}}exact {{ +}}
// CHECK-NEXT:   choose-planes {{ +}}exact {{ +}}
// CHECK-NEXT:   choose-splits {{ +}}exact {{ +}}
// CHECK-NEXT:   allocate-memory {{ +}}exact {{ +}}
// CHECK-NEXT:   check-placement {{ +}}analysis {{ +}}
// CHECK-NEXT:   prove-accumulators {{ +}}analysis {{ +}}
// CHECK-NEXT: passes on request
// CHECK-NEXT:   remove-lrn {{ +}}approximate {{ +}}
// CHECK-NEXT:   choose-terms {{ +}}analysis {{ +}}
// CHECK-NEXT:   round-weights-to-pow2 {{ +}}approximate {{ +}}
// CHECK-NEXT:   learn-rounding {{ +}}approximate {{ +}}
// CHECK-NEXT: passes of xDSL
// CHECK-NEXT:   canonicalize
