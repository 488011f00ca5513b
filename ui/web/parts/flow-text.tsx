// Flow text as Open vSwitch prints it, broken after commas, field names set apart from values.

export function FlowText({ text }: { text: string }): preact.JSX.Element {
  const parts = text.match(/(?:\([^()]*(?:\([^()]*\)[^()]*)*\)|"[^"]*"|[^,])+,?/g) ?? [text];
  return (
    <code class="flow">
      {parts.map((part, i) => (
        <span key={i}>
          <Piece text={part} />
          <wbr />
        </span>
      ))}
    </code>
  );
}

function Piece({ text }: { text: string }): preact.JSX.Element {
  const at = text.search(/[=:(]/);
  return at < 0 ? (
    <b>{text}</b>
  ) : (
    <>
      <b>{text.slice(0, at)}</b>
      {text.slice(at)}
    </>
  );
}
