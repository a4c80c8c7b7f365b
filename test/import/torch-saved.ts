// Two small compressed files that PyTorch 1.13's torch.save wrote: the same checkpoint as a zip archive and in the
// legacy format.
// Their content, as an independent answer:
//   state_dict (an OrderedDict with _metadata, names with DataParallel's `module.`):
//     transposed  float32 [3, 2], the transposed view of arange(6).reshape(2, 3)
//     sliced      float64 [2], arange(10)[3:5]
//     half        float16 [2], 0.5 and -2
//     counter     int64 [], 7
//     parameter   float32 [1, 1], 1.5, a Parameter
//     old         float32 [2], 8 and 7, by _rebuild_tensor, which PyTorch before 0.4 wrote
//   epoch 3, loss 0.25, optimizer (a momentum buffer; floats, booleans, a tuple, None)

import { inflateSync } from 'node:zlib';

const bytes = (lines: string[]) => inflateSync(Buffer.from(lines.join(''), 'base64'));

export const zipFile = bytes([
  'eNqlVd1v21QUt5M0H262dWN0BcYYhY2UdWmbpKWwgrtQnIHHlngMDGIKjuM2EU5ujn1doUmR+sC68dYJXuABTZqQ4E/gAWl/AEOAAG0SD4iXvSDg',
  'jQdeuPfajT/KWjaucn0S+/w+cu6511U5nuC4dJrbMrLcKHex3ZtqaljL9941pfI+7q0tYy3WBy6nCgRgYw0b9WZbx8DrOjJNQ8dt1LWFs1bTsIzm',
  'EnkiQGxCgXhO3UsAHdR0TCOPLa1r95BtNCGhY2TprXzdwW3TFuqW0XDaZrOOja6NrPpqQYChXE5NMTVkaSsGJF2IIJlIw+fcmwKkVJ7kTENajZOo',
  '9xzIyEkMQk3m5LgcW4dhmZfj65D9oEUN7cKwW4E96i7flW22deJopEUEW5siS8hpmMZAZS9TmYF9rYwsYHigRrkvwX6ZvwQPusyjGA4oMKYO+8wt',
  'zVyGh0K8p8itAevDjLUAjxDWGIaD1DNhfZSyHnJZH8NwWIHH1d0+q46cLjYsGA8Rn0bdlQHxE4y4CE8SYh7DEUI8MeESHsXwlAI5dcQn7GmW1jEo',
  '5cRdVmWQIcDTrmrLrXsJjrkSk9Q7L/PrcNwNeVduCsO0AjNX2I/CZSgqUGI95Gkjswmz2/aCAHMBwVl4hgjGMczXiA4p1rO0WM9hOKHAgtOH59UM',
  'yaoTsxptZ3iBCYuskVYNyyZtCosyb9sNdYjcMnpIb8FJOa6SvcGZyLahXBG/dfcFo0I93O60L5LivNiHpRxDsf6Hl/ogyVwfKuoe9n86Rhc7nXrD',
  'WV4m2adCdZqDl901fsVbY5naPu3W6FUMZxQ4a9tqlqSyWtdXLOT0bKhegFoflJwao/YsOFcRv/yYjk9UupG7hk0WBa3Ca1fU5CbWhvMX4HWZ05jX',
  'BqmEDW/kKuJvX9NxsyL+8dc3t0cvH2PG3gP1DIY3Hc1x8lU5lf7qM/H3X8lOorN61xND4I4OToypaak8/i/nRXS4yDWRXBbJh8w1Mq8tUtUDG3eu',
  'jpEHdG6nOu2rzkjlyf+gGtXfHH+K3pdFN6S9OOLF/V4c8+JBLx724jjzfZtrSFXqeQff877vglQu3ZPvgf957gbVfP8LdYM2a2IHzYSvWZTKHJfy',
  'nlCO3k93EAWld+BY9DlKUnnhvnz79b8hUm105Nbb9+h/lvona3OSXMj8hdVe+vD6rSx7e23Ps+DzzEnlee7+/dPeXWP/YaOW/HHn+g1zItP2zh2p',
  'fOL/FLAoUOXvPl05T8+CGFPmY6x3Pe3g3s1ucRN8w0eRwf0nhFCFBBfY6VFcsP/DuM+DuJkoLtjDYdw7QwFcIYoL9m0Y90MQV4zigj0Xxo0lA7hS',
  'FBfssTDuoyBuNooL9kcY93MQNxfFBVd3OISjL7BAL1XlZHLSe3QofnyQlonEv3k3fp/a3PxJ9u2ml8Cze0NJF5Nh+W7uP+lZPmo=',
]);

export const legacyFile = bytes([
  'eNp9lFtz20QUx3Vx7ES9pVBKCwXScnMoGMd20pibXQhxQb1F5bI8ZDSytInEyFof7SoDzHgmL00D3wCGhz7yFXjrBwCGV954ZYYZ+sYwwwNnpbWT',
  'eIAdr461u/r/zp49Z3eNr6z472/X/1r49Lvb52u7xo3fTHyOQKuSeU3ThikTzGexu0NTHrEEdFxATuBMHAkRU5cmQeQlYOwTCwfF50Pq8ugLysEc',
  'QalKZnCQhywVMGMbxMS3KBFQtkukJDVYsg0Vu5RlY6YU4cIT1A0iX4DuIzumvkA0t26lAU1psIYzFhiLDphVcho/GLAgi2lNpF7Ch4zTAEq+YKkf',
  '1txMRDG33JT2sygOXEETzlJ3p2HBTLVKKjmNpd42hXLxibUeM0/cKQYtqJA5XNNsr7TrK/XWKszme/CHGczZ5ZsCrA1bs03b2INjtm6be3D8y1B6',
  'dkLASQdO5ZFS7vE48tG1+RDJ4Zi2xrJ+TCe40xPc0vJSow6PhHO2hZhHNyTkLpyx9bvwWIE4K+BxB86RYweI0Iu34PwRwDUcmsg/oeSvNFeX2ssN',
  'eBLlDZS/IHeB8k9J+acL+WcELDhwkZw8kPdZlgiawqUjhOt4iBPCswfxarRbLXgOCToSnkfC4mKh/IKAFx0o8kspD73UG1CpvfgfJzdZYcFLBT48',
  'dDbNlXodLivWy3I3uq3vwSuFqRXcVwXUHVjaz18a96DpQCtPOOUEiwNY/t/EsWDlMLkpz6iFWXEFySaSVzcQiHFsyzi+JuB1B97IRvBmvtxF973A',
  'Ex68lXvQydNvXFddW+e8n9cLHTI/hKu2qWqEc3i71/lZy1suxYYiGmCVpfDOCNZUlcmqgXdHsG5rI+iRU/nGBjQR2cDtZ1tbuPra0chJ/1utZgPe',
  'U3nwvsoDW/p/vYjaDQE3HbjFOTku7wN5DO52yrIhh9ubsDECp0oM6WcKd3qd77+W7RsyiyMJ5XhebAc+2Cfl8bccPtyEj2zNy53uY0g4fFztdX7/',
  'QbYfe50//vzpl7P3LhMdpz8Dgl59knn5BbEpL4ijgdenNmJMpZ85lSKlqXKemaq38lSBVGjN1MZt/io+sP/aNSZjux3ZdfVWUVafzD/olLXDTa7X',
  'uvjDvov9ftfS/q097Kg/3cLMKjuv7Bllzyl7QdkFZS8d+LiqPfgHxgCEDQ==',
]);
