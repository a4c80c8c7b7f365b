// What is shown where nothing can be: one sentence, and what to do.

export function Trouble({ title, sentence }: { title: string; sentence: string }) {
  return (
    <main class="trouble">
      <h1>{title}</h1>
      <p role="alert">{sentence}</p>
      <p class="quiet">
        <code>nasnet dashboard STUDY</code> prints an address to open; it holds until that command ends.
      </p>
    </main>
  );
}
