// Runs before npm start and npm run admin. JavaScript for any Node.js, because the versions that it reports cannot run TypeScript.
if (!process.features.typescript) {
  console.error(
    `Node.js ${process.versions.node} cannot run Fieldgate: use Node.js 22.18 or later, or run npm ci again, without --omit=optional or --ignore-scripts, to install one.`,
  );
  process.exit(1);
}
