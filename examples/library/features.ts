// Reads a network's results at named endpoints, to add a custom head: NASNet-A with its published cell.

import { createClassifier, nasnetA, ready } from 'nasnet';
import { randn, scope } from 'nasnet/engine';

await ready({ threads: 1 });

// or 'mobile', with weights by importClassifier
using network = createClassifier(nasnetA, { cells: 4, filters: 4, input: 32 });
console.log(`endpoints: ${network.endpoints.join(' ')}`);

scope(() => {
  const images = randn([2, 3, 32, 32]);
  const { Cell_11: last, Reduction_Cell_0: middle } = network.features(images, ['Cell_11', 'Reduction_Cell_0']);
  console.log(`Cell_11 [${last.shape.join(', ')}], Reduction_Cell_0 [${middle.shape.join(', ')}]`);
  console.log(`logits [${network.logits(images).shape.join(', ')}]`);
});
