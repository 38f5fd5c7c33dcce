/**
 * A button that picks files. The label is what is seen; the input in it is what keyboard and screen reader use, and has
 * the label's text as its name.
 */
export function FileButton(props: {
  label: string;
  onFiles: (files: File[]) => void;
  accept?: string;
  multiple?: boolean;
  /** A folder with everything in it. */
  directory?: boolean;
  disabled?: boolean;
}) {
  const { label, onFiles, accept, multiple, directory = false, disabled } = props;
  return (
    <label class="file-button" role={undefined} aria-disabled={disabled}>
      {label}
      <input
        type="file"
        accept={accept}
        multiple={multiple}
        disabled={disabled}
        ref={(input) => {
          if (input) input.webkitdirectory = directory; // JSX has no such attribute
        }}
        onChange={({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])];
          currentTarget.value = ""; // the same file can be chosen again
          if (files.length > 0) onFiles(files);
        }}
      />
    </label>
  );
}
