// RUN: python -c "import sys, numpy; numpy.save(sys.argv[1], numpy.random.default_rng(0).normal(size=(64, 2, 1, 1)).astype('f4'))" %t.npy
// RUN: tf2c-opt %s -p 'choose-scales{images="%t.npy"},convert-graph-to-int8,choose-terms{images="%t.npy" terms_per_mac=1.6}' | filecheck %s

// Both layers cost the same, and only one may have two terms. The first one's weights are powers of
// two already; the second one's are not, in any unit.
// CHECK-LABEL: func.func @main
// CHECK:         int8.conv {{.*}} {shift.terms = 1 : i64}
// CHECK:         int8.conv {{.*}} {shift.terms = 2 : i64}
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> {
  %w = graph.constant <2x2x1x1xf32, [1.0, 0.5, 0.25, -1.0]> : tensor<2x2x1x1xf32>
  %v = graph.constant <2x2x1x1xf32, [1.0, 0.74, 0.37, -1.0]> : tensor<2x2x1x1xf32>
  %c = graph.conv %x, %w then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %y = graph.conv %c, %v : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  func.return %y : tensor<?x2x1x1xf32>
}
